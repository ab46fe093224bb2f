import { contains, formatPrefix, overlaps, parseAddress, parseNetwork } from '@cnikit/ip';
import { BRIDGE_NAME } from '../../../core/names.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Check, type Finding, failure, warning } from '../finding.ts';

/** Link names that identify other pod networks. */
const LINKS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^flannel(-v6)?\.\d+$/, 'flannel'],
  [/^(cali[0-9a-f]{11}|vxlan(-v6)?\.calico|wireguard\.cali)$/, 'Calico'],
  [/^(cilium_(host|net|vxlan|geneve)|lxc_health)$/, 'Cilium'],
  [/^(kube-bridge|kube-dummy-if)$/, 'kube-router'],
  [/^(antrea-gw0|antrea-tun0)$/, 'Antrea'],
  [/^(ovn-k8s-mp0|br-int)$/, 'OVN-Kubernetes'],
  [/^weave$/, 'Weave Net'],
];

/** Overlaps to list; more do not help to find the cause. */
const MAX_OVERLAPS = 5;

export const others: Check = {
  name: 'others',
  good: () => 'No links of other pod networks on this node, and no network of this node overlaps a podCIDR.',
  find: (facts) => [...foreignLinks(facts), ...foreignBridge(facts), ...overlapping(facts)],
};

function foreignLinks({ links }: DoctorFacts): Finding[] {
  const found = new Map<string, string[]>();
  for (const { name } of links) {
    const whose = LINKS.find(([pattern]) => pattern.test(name))?.[1];
    if (whose !== undefined) {
      found.set(whose, [...(found.get(whose) ?? []), name]);
    }
  }
  return [...found].map(([whose, names]) => {
    const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
    return warning(
      `Found links of ${whose}: ${names.slice(0, 3).join(', ')}${more}. Two pod networks on one node compete for routes and pods.`,
      `If ${whose} is uninstalled, remove its links with its own clean-up or a reboot, and recreate the pods that it attached.`,
    );
  });
}

/** Returns podCIDRs that overlap a network of this node: the longer prefix takes the packets of the other. */
function overlapping({ links, addresses, claims }: DoctorFacts): Finding[] {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const networks = addresses.flatMap(({ index, address }) => {
    const network = parseNetwork(address);
    const name = names.get(index) ?? `#${index}`;
    const single = network === undefined || network.length === network.address.length * 8;
    return single || name === BRIDGE_NAME || /^fe[89ab]/i.test(address) ? [] : [{ name, network }];
  });
  const findings: Finding[] = [];
  for (const node of networks.length === 0 ? [] : claims.nodes()) {
    for (const cidr of node.podCIDRs) {
      const range = parseNetwork(cidr)!;
      const other = networks.find(({ network }) => overlaps(network, range));
      if (other !== undefined && findings.length < MAX_OVERLAPS) {
        findings.push(
          failure(
            `podCIDR ${cidr} of node ${node.name} overlaps ${formatPrefix(other.network)} of link ${other.name}: packets to one of them reach the other.`,
            `Change the network of ${other.name}, or assign podCIDRs from another range (--cluster-cidr of the controller manager).`,
          ),
        );
      }
    }
  }
  return findings;
}

/** Several CNIs use the name cni0; ours only has addresses from this node's podCIDRs. */
function foreignBridge({ links, addresses, own }: DoctorFacts): Finding[] {
  const bridge = links.find(({ name }) => name === BRIDGE_NAME);
  if (bridge === undefined || own === undefined) {
    return [];
  }
  if (bridge.kind !== 'bridge') {
    return [
      failure(
        `${BRIDGE_NAME} exists but is not a bridge (kind: ${bridge.kind ?? 'device'}).`,
        'Remove or rename it: the plugin needs that name for its bridge.',
      ),
    ];
  }
  const ranges = own.podCIDRs.map((cidr) => parseNetwork(cidr)!);
  const isForeign = (address: string): boolean => {
    const parsed = parseAddress(address.split('/')[0]!);
    return parsed !== undefined && !ranges.some((range) => contains(range, parsed));
  };
  return addresses
    .filter(
      ({ index, address }) => index === bridge.index && !/^fe[89ab]/i.test(address) && isForeign(address),
    )
    .map(({ address }) =>
      warning(
        `The bridge ${BRIDGE_NAME} has address ${address}, which is outside this node's podCIDR: another CNI or an earlier podCIDR left it.`,
        'The agent removes the address if the plugin made it and no running pod is from that range. Recreate pods that are, and remove other addresses yourself.',
      ),
    );
}
