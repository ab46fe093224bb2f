import { existsSync, readdirSync } from 'node:fs';
import type { LabNode } from '@cnikit/testing-lab';

/** Directory of the plugin's reservations, set in the conflist. */
const RESERVATIONS = '/run/cnikit/ipam/cnikit';

/** Lists objects that a node without pods must not have: veths beside eth0, reserved addresses, namespaces. */
export async function leftovers(node: LabNode): Promise<string[]> {
  const links = await node.ipJson<{ ifname: string }>('link', 'show', 'type', 'veth');
  const veths = links.map(({ ifname }) => ifname).filter((name) => name !== 'eth0');
  const directory = node.path(RESERVATIONS);
  const files = existsSync(directory) ? readdirSync(directory) : [];
  const reserved = files.filter((name) => /^[\da-f]+[.:]/.test(name) || /^[\da-f]*_/.test(name));
  const namespaces = readdirSync(node.path('/run/netns'));
  return [
    ...veths.map((name) => `link ${name} on ${node.name}`),
    ...reserved.map((name) => `reservation ${name} on ${node.name}`),
    ...namespaces.map((name) => `namespace ${name} on ${node.name}`),
  ];
}
