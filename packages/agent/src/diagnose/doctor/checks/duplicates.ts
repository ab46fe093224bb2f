import type { DoctorFacts } from '../facts.ts';
import { type Check, type Finding, failure, warning } from '../finding.ts';

export const duplicates: Check = {
  name: 'duplicates',
  good: ({ claims }) =>
    `No address is used twice, neither by the ${claims.size} nodes nor by pods of this one.`,
  find: (facts) => [...nodesTwice(facts), ...podsTwice(facts)],
};

function nodesTwice({ claims }: DoctorFacts): Finding[] {
  const findings: Finding[] = [];
  for (const prefix of claims.prefixes()) {
    const names = claims.of(prefix).map(({ name }) => name);
    if (names.length > 1) {
      findings.push(
        failure(
          `podCIDR ${prefix} is claimed by nodes ${names.join(' and ')}: the oldest, ${names[0]}, has it, and pods of the other are not reached.`,
          'Delete the Node that is wrong and let it register anew, so that it gets another podCIDR.',
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
          `InternalIP ${ip} is that of nodes ${names.join(' and ')}: packets for pods of one go to the other.`,
          'Delete the Node that is gone, or correct --node-ip of its kubelet.',
        ),
      );
    }
  }
  return findings;
}

function podsTwice({ podAddresses, reservedAddresses }: DoctorFacts): Finding[] {
  const links = new Map<string, Set<string>>();
  for (const { address, link } of podAddresses) {
    links.set(address, (links.get(address) ?? new Set<string>()).add(link));
  }
  const reserved = new Set(reservedAddresses);
  return [...links].flatMap(([address, at]) => {
    if (at.size > 1) {
      return failure(
        `Pod address ${address} is on two links, ${[...at].join(' and ')}: connections to it reach now one pod, now the other.`,
        'Delete both pods, so that they are made anew.',
      );
    }
    if (reserved.has(address)) {
      return [];
    }
    return warning(
      `Pod address ${address} behind ${[...at][0]} is not reserved, so another pod may get it too.`,
      'Delete the pod, so that it is made anew. Never remove files below the state directory.',
    );
  });
}
