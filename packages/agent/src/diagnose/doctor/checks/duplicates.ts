import { contains, parseAddress, parseNetwork } from '@cnikit/ip';
import type { DoctorFacts } from '../facts.ts';
import { type Check, describeLink, type Finding, failure, warning } from '../finding.ts';

export const duplicates: Check = {
  name: 'duplicates',
  good: ({ claims }) =>
    `All addresses are unique: those of the ${claims.size} nodes, and those of the pods on this node.`,
  skips: ({ claims }) =>
    claims.size === 0
      ? 'No node is known, so only the addresses of pods on this node were compared.'
      : undefined,
  find: (facts) => [...nodesTwice(facts), ...podsTwice(facts)],
};

function nodesTwice({ claims }: DoctorFacts): Finding[] {
  const findings: Finding[] = [];
  for (const prefix of claims.prefixes()) {
    const names = claims.of(prefix).map(({ name }) => name);
    if (names.length > 1) {
      findings.push(
        failure(
          `Nodes ${names.join(' and ')} claim the same podCIDR ${prefix}: the oldest, ${names[0]}, keeps it, and pods on the other are unreachable.`,
          'Delete the wrong Node object and restart its kubelet, so that it registers again and gets another podCIDR.',
        ),
      );
    }
  }
  const byIp = new Map<string, string[]>();
  for (const { name, internalIPs } of claims.nodes()) {
    for (const ip of internalIPs) {
      byIp.set(ip, [...(byIp.get(ip) ?? []), name]);
    }
  }
  for (const [ip, names] of byIp) {
    if (names.length > 1) {
      findings.push(
        failure(
          `Nodes ${names.join(' and ')} have the same InternalIP ${ip}: packets for pods on one reach the other.`,
          'Delete the Node that no longer exists, or correct --node-ip of its kubelet.',
        ),
      );
    }
  }
  return findings;
}

function podsTwice({
  podAddresses,
  podBehind,
  reservedAddresses,
  claims,
  pools,
  leaks,
}: DoctorFacts): Finding[] {
  const described = (link: string) => describeLink(podBehind, link);
  const links = new Map<string, Set<string>>();
  for (const { address, link } of podAddresses) {
    links.set(address, (links.get(address) ?? new Set<string>()).add(link));
  }
  const reserved = new Set(reservedAddresses);
  const ranges = [...claims.prefixes(), ...pools.map(({ range }) => range)].flatMap(
    (range) => parseNetwork(range) ?? [],
  );
  // Plugins give addresses of podCIDRs only. Pods can add others themselves, such as one that moves between them.
  const isPodAddress = (address: string) => ranges.some((range) => contains(range, parseAddress(address)!));
  // The check "leaks" reports pods without any reservation.
  const unreserved = new Set(leaks.flatMap((leak) => (leak.kind === 'unreserved' ? [leak.link.name] : [])));
  return [...links].flatMap(([address, at]) => {
    if (!isPodAddress(address)) {
      return [];
    }
    if (at.size > 1) {
      return failure(
        `Pod address ${address} is on two links, ${[...at].map(described).join(' and ')}: connections reach either pod unpredictably.`,
        'Delete both pods, so that they are recreated.',
      );
    }
    if (reserved.has(address) || [...at].some((link) => unreserved.has(link))) {
      return [];
    }
    return warning(
      `Pod address ${address} behind ${described([...at][0]!)} is not reserved: another pod may get the same address.`,
      'Delete the pod, so that it is recreated. Never remove files below the state directory.',
    );
  });
}
