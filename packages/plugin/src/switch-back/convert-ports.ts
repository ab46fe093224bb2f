import { type Family, formatAddress } from '@cnikit/ip';
import type { Expression, NftRule } from '@cnikit/netlink/nftables';
import type { HostPort } from '../nat/host-port.ts';
import { PORT_CHAINS } from '../nat/nat-chain.ts';
import { tablesOf } from '../nat/nftables.ts';
import type { Owner } from '../nat/owner.ts';
import { commitTogether } from '../nat/transaction.ts';
import { type IptablesPlan, mapPortsByIptables } from '../plugins/portmap/iptables.ts';
import { mappedPods, portsRemoval } from '../plugins/portmap/nft-removal.ts';
import { hostPortOf, IN_TABLE, parseElementComment, podChain } from '../plugins/portmap/nft-table.ts';
import { DEFAULT_MARK } from '../plugins/portmap/settings.ts';
import { upstreamPortsChange } from '../plugins/portmap/upstream-nftables.ts';
import { type Conversion, removeNatChains } from './conversion.ts';

/** Converts the port maps of all pods. Returns the number of pods. */
export function convertPorts(conversion: Conversion): number {
  const { sys, env, nft, backend, ownerOf } = conversion;
  const owners = mappedPods(nft)
    .map(ownerOf)
    .filter((owner) => owner !== undefined);
  for (const owner of owners) {
    const plan = planOf(owner, nft.rules({ ...IN_TABLE, chain: podChain(owner) }));
    // First the new rules, then without the old ones, so that a port always leads to its pod.
    if (backend === 'nftables') {
      commitTogether(nft, [upstreamPortsChange(plan)]);
    } else {
      removeNatChains(conversion, PORT_CHAINS, owner);
      mapPortsByIptables(sys, env, plan);
    }
    commitTogether(
      nft,
      portsRemoval(tablesOf(nft), owner, plan.settings.mark, () => undefined),
    );
  }
  return owners.length;
}

/** Reads the ports and settings of a pod from the rules of its chain. */
function planOf(owner: Owner, rules: readonly NftRule[]): IptablesPlan {
  const ports: HostPort[] = [];
  const addresses: Partial<Record<Family, string>> = {};
  const marking = rules.filter(({ comment }) => comment === undefined);
  const sources = marking.map(({ expressions }) => sourceOf(expressions));
  for (const { comment, expressions } of rules) {
    const element = parseElementComment(comment);
    const [address, port] = expressions.flatMap((one) =>
      one.name === 'immediate' && one.data ? [one.data] : [],
    );
    if (element === undefined || address === undefined || port === undefined) {
      continue;
    }
    const family = address.length === 4 ? 'ipv4' : 'ipv6';
    const subnet = sources.find((source) => source?.family === family && !source.isLoopback);
    addresses[family] = `${formatAddress(address)}/${subnet?.length ?? address.length * 8}`;
    join(ports, { ...hostPortOf(element), containerPort: (port[0]! << 8) | port[1]! });
  }
  const settings = {
    snat: marking.length > 0,
    masqAll: marking.length > 0 && sources.every((source) => source === undefined),
    mark: markOf(marking) ?? DEFAULT_MARK,
    setMarkChain: undefined,
    conditions: { ipv4: [], ipv6: [] },
  };
  return { owner, ports, addresses, settings };
}

/** Adds a port. The same port of both families is one. */
function join(ports: HostPort[], port: HostPort): void {
  const same = ports.find(
    (one) =>
      one.protocol === port.protocol &&
      one.hostPort === port.hostPort &&
      one.containerPort === port.containerPort &&
      one.hostIP === undefined &&
      port.hostIP === undefined,
  );
  if (same === undefined) {
    ports.push(port);
  } else {
    same.family = undefined;
  }
}

interface Source {
  family: Family;
  length: number;
  isLoopback: boolean;
}

/** Reads the source prefix of a rule; undefined when it matches every source. */
function sourceOf(expressions: readonly Expression[]): Source | undefined {
  const at = expressions.findIndex((one) => one.name === 'payload');
  const payload = expressions[at];
  if (payload?.name !== 'payload') {
    return undefined;
  }
  const family = payload.offset === 12 ? 'ipv4' : 'ipv6';
  const next = expressions[at + 1];
  const data = expressions.find((one, i) => i > at && one.name === 'cmp');
  const isLoopback = family === 'ipv4' && data?.name === 'cmp' && data.data?.[0] === 127;
  const bits = next?.name === 'bitwise' && next.mask ? ones(next.mask) : (payload.len ?? 0) * 8;
  return { family, length: bits, isLoopback };
}

function ones(mask: Uint8Array): number {
  return mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
}

/** Reads the mark that the rules set. */
function markOf(marking: readonly NftRule[]): number | undefined {
  for (const one of marking.flatMap(({ expressions }) => expressions).reverse()) {
    if (one.name === 'bitwise' && one.xor?.some((byte) => byte !== 0)) {
      // In the byte order of the host, as setMarkBits() writes it.
      return one.xor.reduceRight((value, byte) => value * 256 + byte, 0);
    }
  }
  return undefined;
}
