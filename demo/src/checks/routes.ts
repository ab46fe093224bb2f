import { kernelEvents, type LabNode, until } from '@cnikit/testing-lab';

interface IpRoute {
  dst: string;
  gateway?: string;
  dev?: string;
}

/** The routes of a node to pod networks, both families: `DST via GATEWAY`. */
async function podRoutes(node: LabNode): Promise<string[]> {
  const routes = [
    ...(await node.ipJson<IpRoute>('-4', 'route', 'show')),
    ...(await node.ipJson<IpRoute>('-6', 'route', 'show')),
  ];
  return routes.map(({ dst, gateway }) => `${dst} via ${gateway}`);
}

/** What a node should have to reach the pods of another one. */
const routesTo = (other: LabNode) => [
  `${other.podCidrs.ipv4} via ${other.address.ipv4}`,
  `${other.podCidrs.ipv6} via ${other.address.ipv6}`,
];

/** Waits until a node has, or has no longer, the routes to the pods of another one. */
export async function untilRoutes(node: LabNode, other: LabNode, present: boolean): Promise<void> {
  await until(
    `${node.name} to have ${present ? 'the' : 'no'} routes to ${other.name}`,
    async () => {
      const all = new Set(await podRoutes(node));
      return routesTo(other).every((route) => all.has(route) === present);
    },
    { wakes: [kernelEvents(node, ['route'])] },
  );
}
