import { type Link, type Request, type RouteConnection, setLink } from '@cnikit/netlink';
import type { BridgeSettings } from './settings.ts';
import { portVlans, usesVlans } from './vlan.ts';

/** Sets what differs from the kernel's defaults at the pod's port; where nothing does, it costs nothing. */
export function configurePort(
  route: RouteConnection,
  settings: BridgeSettings,
  bridge: Link,
  hostName: string,
): void {
  const { hairpinMode, portIsolation } = settings;
  const requests: Request[] = [];
  if (hairpinMode || portIsolation) {
    requests.push(
      setLink({
        name: hostName,
        ...(hairpinMode ? { hairpin: true } : {}),
        ...(portIsolation ? { isolated: true } : {}),
      }),
    );
  }
  const port = usesVlans(settings) ? route.link({ name: hostName }) : undefined;
  if (port !== undefined) requests.push(...portVlans(port.index, bridge, settings));
  if (requests.length > 0) route.batch(requests);
}
