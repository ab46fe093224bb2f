import type { Request } from '@cnikit/netlink';
import { type RtnetlinkCore, setLink } from '@cnikit/netlink/short-lived';
import type { VethPair } from '../../links/veth.ts';
import type { Bridge } from './bridge.ts';
import { type BridgeSettings, usesVlans } from './settings.ts';
import { portVlans } from './vlan.ts';

/** Applies the settings of the pod's port that differ from the kernel's defaults; sends nothing when none does. */
export function configurePort(
  route: RtnetlinkCore,
  settings: BridgeSettings,
  bridge: Bridge,
  { hostIndex }: Pick<VethPair, 'hostIndex'>,
): void {
  const { hairpinMode, portIsolation } = settings;
  const requests: Request[] = [];
  if (hairpinMode || portIsolation) {
    requests.push(
      setLink({
        index: hostIndex(),
        ...(hairpinMode ? { hairpin: true } : {}),
        ...(portIsolation ? { isolated: true } : {}),
      }),
    );
  }
  if (usesVlans(settings)) {
    requests.push(...portVlans(hostIndex(), bridge, settings));
  }
  if (requests.length > 0) {
    route.batch(requests);
  }
}
