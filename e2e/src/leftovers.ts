import { type Bed, machinesOf, onNode } from './bed.ts';

/** What of pods is on a node: host ends and shaping devices, reservations, host ports. Empty when it has none. */
export function leftovers(bed: Bed, node: string): string[] {
  const links = JSON.parse(onNode(bed, node, 'ip', '-j', 'link', 'show') || '[]') as {
    ifname: string;
    master?: string;
  }[];
  const rules = onNode(bed, node, 'nft', 'list', 'ruleset')
    .split('\n')
    .filter((line) => /dnat to/.test(line) && !/KUBE-/.test(line) && /cnikit|hostport/i.test(line));
  return [
    ...links
      .filter(({ ifname, master }) => master === 'cni0' || /^(bwp|ifb)/.test(ifname))
      .map(({ ifname }) => ifname),
    ...reservations(bed, node),
    ...rules.map((line) => line.trim()),
  ];
}

/** The addresses that are reserved on a node, sorted. */
export function reservations(bed: Bed, node: string): string[] {
  const files = machinesOf(bed).exec(
    node,
    'find',
    '/run/cnikit/ipam',
    '-type',
    'f',
    '-printf',
    '%f\n',
  ).stdout;
  // The index of owners has files of the same names.
  return [...new Set(files.split('\n').filter((name) => /^[0-9a-f]+[.:][0-9a-f.:]+$/.test(name)))].sort();
}
