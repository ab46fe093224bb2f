import { kernelEvents, type LabNode, until } from '@cnikit/testing-lab';

interface IpRoute {
  dst: string;
  gateway?: string;
  dev?: string;
}

const TUNNEL = 'cnikit-vx';

/** The routes of a node to pod networks, both families: `DST via GATEWAY`, or by the tunnel. */
async function podRoutes(node: LabNode): Promise<string[]> {
  const routes = [
    ...(await node.ipJson<IpRoute>('-4', 'route', 'show')),
    ...(await node.ipJson<IpRoute>('-6', 'route', 'show')),
  ];
  return routes.map(({ dst, gateway, dev }) => `${dst} via ${dev === TUNNEL ? TUNNEL : gateway}`);
}

/** What a node should have to reach the pods of another one: directly on one network, else by the tunnel. */
const routesTo = (node: LabNode, other: LabNode) =>
  (['ipv4', 'ipv6'] as const).map(
    (family) => `${other.podCidrs[family]} via ${node.far === other.far ? other.address[family] : TUNNEL}`,
  );

/** Waits until a node has, or has no longer, the routes to the pods of another one. */
export async function untilRoutes(node: LabNode, other: LabNode, present: boolean): Promise<void> {
  await until(
    `${node.name} to have ${present ? 'the' : 'no'} routes to ${other.name}`,
    async () => {
      const all = new Set(await podRoutes(node));
      return routesTo(node, other).every((route) => all.has(route) === present);
    },
    { wakes: [kernelEvents(node, ['route'])] },
  );
}
