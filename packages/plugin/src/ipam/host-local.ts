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
  return new HostLocal(sys, context, recovery);
}

class HostLocal implements PodIpam {
  readonly #sys: Sys;
  readonly #context: Context<NetworkSettings>;
  readonly #recovery: PoolRecovery | undefined;
  readonly #config: PoolConfig;
  readonly #ipam: Ipam;

  constructor(sys: Sys, context: Context<NetworkSettings>, recovery: PoolRecovery | undefined) {
    this.#sys = sys;
    this.#context = context;
    this.#recovery = recovery;
    this.#config = configOf(context);
    const { rangeSets, dataDir } = this.#config;
    const dir = `${dataDir ?? REFERENCE_DATA_DIR}/${context.conf.network}`;
    // Pods of other networks have addresses too.
    const inUse = recovery && (() => recovery.inUse().filter(({ address }) => this.#ipam.contains(address)));
    this.#ipam = new Ipam({ rangeSets, store: fileStore({ sys, dir, inUse }) });
  }

  add() {
    const { resolvConf, requested, routes } = this.#config;
    const { containerID, ifName } = this.#context;
    const dns = resolvConf ? parseResolvConf(this.#sys.readText(resolvConf)) : undefined;
    const { ips } = reserve(this.#ipam, { containerID, ifName, requested }, this.#recovery);
    return { ips, routes, dns };
  }

  givesIPv6(): boolean {
    // In 32-bit words, an IPv4 address has one.
    return this.#config.rangeSets?.some(([range]) => range!.start.length > 1) ?? false;
  }

  del(): void {
    this.#ipam.del(this.#context);
  }

  reserved(): readonly string[] {
    return this.#ipam.held(this.#context);
  }

  check(addresses: readonly string[]): void {
    const { containerID, ifName } = this.#context;
    this.#ipam.check({ containerID, ifName, addresses });
  }

  stale(): readonly Reservation[] {
    const { validAttachments } = this.#context;
    return validAttachments === undefined
      ? []
      : this.#ipam.leaks((held) =>
          validAttachments.some(
            (one) =>
              one.containerID === held.containerID && (held.ifName === '' || one.ifname === held.ifName),
          ),
        );
  }

  gc(): void {
    const { validAttachments, conf } = this.#context;
    if (validAttachments === undefined) {
      return;
    }
    const { failed } = this.#ipam.gc(
      validAttachments.map(({ containerID, ifname }) => ({ containerID, ifName: ifname })),
    );
    if (failed.length === 0) {
      return;
    }
    throw new CniError(
      ErrorCode.IOFailure,
      `Cannot free reservations of network ${conf.network}: ${failed.map(({ message }) => message).join('; ')}`,
    );
  }

  status(): void {
    // A full range affects new pods only, and a failing STATUS would make the whole node NotReady.
    if (!this.#config.failStatusWhenFull) {
      return;
    }
    const full = this.#ipam.status().sets.find((set) => set.free === 0);
    if (full === undefined) {
      return;
    }
    throw new CniError(
      ErrorCode.PluginNotAvailable,
      `No free address in ${full.ranges}`,
      'Delete pods of this node, or add ranges to the network',
    );
  }
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

type PoolConfig = Omit<IpamConfig, 'rangeSets'> & { rangeSets: IpamConfig['rangeSets'] | undefined };

/** Returns a configuration without what DEL and GC do not read. */
function ofDataDir(dataDir: string | undefined): PoolConfig {
  return { rangeSets: undefined, requested: [], routes: [], dataDir, failStatusWhenFull: false };
}

function configOf({ command, conf, containerID, env }: Context<NetworkSettings>): PoolConfig {
  if (command === 'DEL' || command === 'GC') {
    return ofDataDir(parseDataDir(conf.raw));
  }
  // STATUS has no attachment, so CNI_ARGS does not apply.
  const args = containerID !== '' && env.CNI_ARGS ? splitCniArgs(env.CNI_ARGS) : undefined;
  try {
    return parseIpamConfig(conf.raw, { args, knownArgs: conf.knownArgs });
  } catch (error) {
    // A pod that exists is well, even if ADD would now refuse its configuration.
    if (command === 'CHECK' && error instanceof IpamError) {
      return ofDataDir(parseDataDir(conf.raw));
    }
    throw error;
  }
}
