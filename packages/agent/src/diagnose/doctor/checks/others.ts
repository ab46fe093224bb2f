import { contains, parseAddress, parsePrefix } from '../../../core/prefix.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Check, type Finding, failure, warning } from '../finding.ts';

/** Links by which other pod networks are known. */
const LINKS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^flannel(-v6)?\.\d+$/, 'flannel'],
  [/^(cali[0-9a-f]{11}|vxlan(-v6)?\.calico|wireguard\.cali)$/, 'Calico'],
  [/^(cilium_(host|net|vxlan|geneve)|lxc_health)$/, 'Cilium'],
  [/^(kube-bridge|kube-dummy-if)$/, 'kube-router'],
  [/^(antrea-gw0|antrea-tun0)$/, 'Antrea'],
  [/^(ovn-k8s-mp0|br-int)$/, 'OVN-Kubernetes'],
  [/^weave$/, 'Weave Net'],
];

export const others: Check = {
  name: 'others',
  good: () => 'No other pod network has left links on this node.',
  find: (facts) => [...foreignLinks(facts), ...foreignBridge(facts)],
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
      `${whose} has links here: ${names.slice(0, 3).join(', ')}${more}. Two pod networks on a node fight for routes and pods.`,
      `If ${whose} is gone from the cluster, remove what it left (its own clean-up, or a reboot), and have the pods made anew that it made.`,
    );
  });
}

/** cni0 is a name that several use; ours has addresses of this node's podCIDRs only. */
function foreignBridge({ links, addresses, own }: DoctorFacts): Finding[] {
  const bridge = links.find(({ name }) => name === 'cni0');
  if (bridge === undefined || own === undefined) {
    return [];
  }
  if (bridge.kind !== 'bridge') {
    return [
      failure(
        `Link cni0 is no bridge but ${bridge.kind ?? 'a device'}.`,
        'Remove or rename it: the plugin needs that name.',
      ),
    ];
  }
  const ranges = own.podCIDRs.map((cidr) => parsePrefix(cidr)!);
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
        `The bridge cni0 has ${address}, which is not of this node's podCIDR: it is of another CNI, or of an earlier podCIDR.`,
        'The plugin replaces it when it makes the next pod. Pods that have addresses of it have to be made anew.',
      ),
    );
}
