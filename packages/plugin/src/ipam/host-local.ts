/** The built-in host-local IPAM: upstream's configuration and on-disk format, without a second process. */
import { CniError, type Context, ErrorCode } from '@cnikit/cni-spec';
import { formatAddress, parseAddress } from '@cnikit/ip';
import {
  type AddRequest,
  Ipam,
  type IpamConfig,
  IpamError,
  parseDataDir,
  parseIpamConfig,
  parseResolvConf,
  REFERENCE_DATA_DIR,
  type Reservation,
  splitCniArgs,
} from '@cnikit/ipam';
import { fileStore } from '@cnikit/ipam/file-store';
import type { Sys } from '@cnikit/sys';
import type { NetworkSettings, PodIpam, PoolRecovery } from './pod-ipam.ts';

/**
 * Opens the network's pool for the attachment of the context. For DEL and GC only `dataDir` is read, because the rest of
 * the configuration may have become invalid since ADD.
 *
 * @param recovery finds lost reservations and lost pods; for ADD
 * @throws {IpamError} with upstream's message, when the configuration or CNI_ARGS are invalid
 */
export function hostLocal(sys: Sys, context: Context<NetworkSettings>, recovery?: PoolRecovery): PodIpam {
  const { conf, containerID, ifName, validAttachments } = context;
  const attachment = { containerID, ifName };
  const valid = validAttachments?.map((one) => ({ containerID: one.containerID, ifName: one.ifname }));
  const config = configOf(context);
  const dir = `${config.dataDir ?? REFERENCE_DATA_DIR}/${conf.network}`;
  // Pods of other networks have addresses too.
  const inUse = recovery && (() => recovery.inUse().filter(({ address }) => ipam.contains(address)));
  const ipam: Ipam = new Ipam({ rangeSets: config.rangeSets, store: fileStore({ sys, dir, inUse }) });
  return {
    add() {
      const { resolvConf, requested, routes } = config;
      const dns = resolvConf ? parseResolvConf(sys.readText(resolvConf)) : undefined;
      const { ips } = reserve(ipam, { ...attachment, requested }, recovery);
      return { ips, routes, dns };
    },
    del: () => void ipam.del(attachment),
    reserved: () => ipam.held(attachment),
    check: (addresses) => ipam.check({ ...attachment, addresses }),
    stale: () =>
      valid === undefined
        ? []
        : ipam.leaks((held) =>
            valid.some(
              (one) =>
                one.containerID === held.containerID && (held.ifName === '' || one.ifName === held.ifName),
            ),
          ),
    gc() {
      if (valid === undefined) {
        return;
      }
      const { failed } = ipam.gc(valid);
      if (failed.length === 0) {
        return;
      }
      throw new CniError(
        ErrorCode.IOFailure,
        `Cannot free reservations of network ${conf.network}: ${failed.map(({ message }) => message).join('; ')}`,
      );
    },
    status() {
      // A full range affects new pods only, and a failing STATUS would make the whole node NotReady.
      if (!config.failStatusWhenFull) {
        return;
      }
      const full = ipam.status().sets.find((set) => set.free === 0);
      if (full === undefined) {
        return;
      }
      throw new CniError(
        ErrorCode.PluginNotAvailable,
        `No free address in ${full.ranges}`,
        'Delete pods of this node, or add ranges to the network',
      );
    },
  };
}

/**
 * Reserves addresses. A requested address is taken from a pod that the runtime lost.
 *
 * @throws {IpamError}
 * @throws {CniError} naming the owner of a requested address
 */
function reserve(ipam: Ipam, request: AddRequest, recovery?: PoolRecovery): ReturnType<Ipam['add']> {
  try {
    return ipam.add(request);
  } catch (error) {
    // After an I/O error the reservation may exist.
    if (error instanceof IpamError && error.code === 'IO') {
      ipam.del(request);
    }
    const taken = error instanceof IpamError && error.code === 'UNAVAILABLE' ? takenOf(ipam, request) : [];
    if (recovery === undefined || taken.length === 0) {
      throw error;
    }
    for (const one of taken) {
      const owner = recovery.endIfLost(one);
      if (owner !== undefined) {
        const details = `${one.address} is reserved for ${owner}. Delete that pod, or request another address`;
        throw new CniError((error as IpamError).cniCode, (error as IpamError).message, details);
      }
    }
    return ipam.add(request);
  }
}

/** Returns the reservations of requested addresses. */
function takenOf(ipam: Ipam, { requested = [] }: AddRequest): Reservation[] {
  const wanted = requested.map((text) => formatAddress(parseAddress(text.split('/', 1)[0]!)!));
  return ipam.list().reservations.filter(({ address }) => wanted.includes(address));
}

/** Values of the fields that DEL and GC do not read. */
const UNREAD = { rangeSets: undefined, requested: [], routes: [], failStatusWhenFull: false };

type PoolConfig = Omit<IpamConfig, 'rangeSets'> & { rangeSets: IpamConfig['rangeSets'] | undefined };

function configOf({ command, conf, containerID, env }: Context<NetworkSettings>): PoolConfig {
  if (command === 'DEL' || command === 'GC') {
    return { ...UNREAD, dataDir: parseDataDir(conf.raw) };
  }
  // STATUS has no attachment, so CNI_ARGS does not apply.
  const args = containerID === '' ? {} : splitCniArgs(env.CNI_ARGS ?? '');
  try {
    return parseIpamConfig(conf.raw, { args, knownArgs: conf.knownArgs });
  } catch (error) {
    // A pod that exists is well, even if ADD would now refuse its configuration.
    if (command === 'CHECK' && error instanceof IpamError) {
      return { ...UNREAD, dataDir: parseDataDir(conf.raw) };
    }
    throw error;
  }
}
