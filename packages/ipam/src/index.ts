/**
 * Allocates pod IP addresses compatibly with the host-local plugin: a pure allocator over a store.
 *
 * ```ts
 * import { Ipam, memoryStore } from '@cnikit/ipam';
 *
 * const ipam = new Ipam({
 *   rangeSets: [[{ subnet: '10.244.1.0/24' }], [{ subnet: 'fd00:10:244:1::/64' }]],
 *   store: memoryStore(),
 * });
 * const { ips } = ipam.add({ containerID: 'pod-a', ifName: 'eth0' });
 * console.log(ips[0]); // { address: '10.244.1.2/24', gateway: '10.244.1.1' }
 * ipam.del({ containerID: 'pod-a', ifName: 'eth0' });
 * ```
 *
 * Reservations on disk: `@cnikit/ipam/file-store`. Tests for a custom store: `@cnikit/ipam/testing`.
 *
 * @module
 */
export { assertKnownArgs, splitCniArgs } from './cni-args.ts';
export type { GcOptions, GcResult } from './collect.ts';
export {
  type IpamConfig,
  type IpamRoute,
  type ParseOptions,
  parseDataDir,
  parseIpamConfig,
  REFERENCE_DATA_DIR,
  VOLATILE_DATA_DIR,
} from './config.ts';
export { IpamError, type IpamErrorCode } from './errors.ts';
export {
  type AddRequest,
  type AllocatedAddress,
  type CheckRequest,
  Ipam,
  type IpamOptions,
} from './ipam.ts';
export { type MemoryStoreOptions, memoryStore } from './memory-store.ts';
export { parseRangeSets, type Range, type RangeConfig, type RangeSet } from './range.ts';
export { type Dns, parseResolvConf } from './resolv-conf.ts';
export type { PoolStatus, Usage } from './status.ts';
export type { Claim, Listing, Owner, Problem, Reservation, Store } from './store.ts';
