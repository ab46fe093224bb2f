import { kernelEvents, type LabNode, until } from '@cnikit/testing-lab';

interface IpRoute {
  dst: string;
  gateway?: string;
  dev?: string;
}

const TUNNEL = 'cnikit-vx';

/** Returns the routes of a node, both families, as `DST via GATEWAY` or `DST via cnikit-vx`. */
async function podRoutes(node: LabNode): Promise<string[]> {
  const routes = [
    ...(await node.ipJson<IpRoute>('-4', 'route', 'show')),
    ...(await node.ipJson<IpRoute>('-6', 'route', 'show')),
  ];
  return routes.map(({ dst, gateway, dev }) => `${dst} via ${dev === TUNNEL ? TUNNEL : gateway}`);
}

/** Returns the routes that a node needs to the pods of another: direct on one network, else by the tunnel. */
const routesTo = (node: LabNode, other: LabNode) =>
  (['ipv4', 'ipv6'] as const).map(
    (family) => `${other.podCidrs[family]} via ${node.far === other.far ? other.address[family] : TUNNEL}`,
  );

/** Waits until a node has the routes to the pods of another, or with `present: false` no longer has them. */
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
