/** The built-in host-local IPAM: upstream's configuration and on-disk format, without a second process. */
import { CniError, type Context, ErrorCode } from '@cnikit/cni-spec';
import {
  Ipam,
  type IpamConfig,
  IpamError,
  parseDataDir,
  parseIpamConfig,
  parseResolvConf,
  REFERENCE_DATA_DIR,
  splitCniArgs,
} from '@cnikit/ipam';
import { type AddressInUse, fileStore } from '@cnikit/ipam/file-store';
import type { Sys } from '@cnikit/sys';
import type { NetworkSettings, PodIpam } from './pod-ipam.ts';

/**
 * Opens the network's pool for the attachment of the context. For DEL and GC only `dataDir` is read, because the rest of
 * the configuration may have become invalid since ADD.
 *
 * @param inUse finds the addresses of running pods when the reservations are lost; for ADD
 * @throws {IpamError} with upstream's message, when the configuration or CNI_ARGS are invalid
 */
export function hostLocal(
  sys: Sys,
  context: Context<NetworkSettings>,
  inUse?: () => AddressInUse[],
): PodIpam {
  const { conf, containerID, ifName, validAttachments } = context;
  const attachment = { containerID, ifName };
  const valid = validAttachments?.map((one) => ({ containerID: one.containerID, ifName: one.ifname }));
  const config = configOf(context);
  const dir = `${config.dataDir ?? REFERENCE_DATA_DIR}/${conf.network}`;
  // Pods of other networks have addresses too.
  const inRanges = inUse && (() => inUse().filter(({ address }) => ipam.contains(address)));
  const ipam = new Ipam({ rangeSets: config.rangeSets, store: fileStore({ sys, dir, inUse: inRanges }) });
  return {
    add() {
      const { resolvConf, requested, routes } = config;
      const dns = resolvConf ? parseResolvConf(sys.readText(resolvConf)) : undefined;
      try {
        const { ips } = ipam.add({ ...attachment, requested });
        return { ips, routes, dns };
      } catch (error) {
        // After an I/O error the reservation may exist.
        if (error instanceof IpamError && error.code === 'IO') {
          ipam.del(attachment);
        }
        throw error;
      }
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
