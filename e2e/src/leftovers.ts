import { nodeNames } from './cluster.ts';
import { type Context, machinesOf, onNode } from './context.ts';
import { inNamespace } from './pods.ts';
import { waitFor } from './wait.ts';

/** Upper byte of the link groups of routed host ends. */
const POD_GROUPS: readonly number[] = [0x63, 0x65];

/** Objects of pods on a node: host ends and shaping devices, reservations, host ports. */
export function leftovers(context: Context, node: string): string[] {
  const links = JSON.parse(onNode(context, node, 'ip', '-j', 'link', 'show') || '[]') as {
    ifname: string;
    master?: string;
    group: string;
  }[];
  const rules = onNode(context, node, 'nft', 'list', 'ruleset')
    .split('\n')
    .filter((line) => /dnat to/.test(line) && !/KUBE-/.test(line) && /cnikit|hostport/i.test(line));
  return [
    ...links
      .filter(
        ({ ifname, master, group }) =>
          master === 'cni0' || POD_GROUPS.includes(Number(group) >>> 24) || /^(bwp|ifb)/.test(ifname),
      )
      .map(({ ifname }) => ifname),
    ...reservations(context, node),
    ...rules.map((line) => line.trim()),
  ];
}

/** The addresses that are reserved on a node, sorted. */
export function reservations(context: Context, node: string): string[] {
  const files = machinesOf(context).exec(
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

/**
 * Runs `body` in a namespace that is deleted afterwards; every node must then hold what it held before.
 *
 * @throws {Error} when an address, a link or a host port is left
 */
export async function leavingNothing<T>(
  context: Context,
  namespace: string,
  body: (namespace: string) => Promise<T>,
): Promise<T> {
  const { cluster } = context;
  const nodes = nodeNames(cluster);
  const before = nodes.map((node) => leftovers(context, node));
  const result = await inNamespace(cluster, namespace, body);
  for (const [index, node] of nodes.entries()) {
    const expected = before[index] ?? [];
    const extra = () => leftovers(context, node).filter((name) => !expected.includes(name));
    await waitFor(
      `node ${node} to hold nothing of ${namespace}`,
      () => (extra().length === 0 ? true : undefined),
      () => `It still holds ${extra().join(', ')}`,
    );
  }
  return result;
}
