import { addressAt, contains, formatAddress, parseNetwork } from '@cnikit/ip';
import type { HostFacts, NodeInfo, NodeRoute, TestedState } from '../core/model.ts';

/** Returns the state that the self-test asks about. */
export function testedState(
  routes: ReadonlyMap<string, NodeRoute>,
  own: NodeInfo | undefined,
  facts: HostFacts | undefined,
): TestedState {
  const isLocal = (address: string): boolean => facts?.localAddresses.has(address) === true;
  // An address of the podCIDR may be behind the bridge or not if both layouts are in use.
  const bridge = facts?.hasRoutedPods ? undefined : facts?.bridge;
  const isShadowed = (dst: string): boolean => {
    const prefix = parseNetwork(dst)!;
    const isInside = (text: string): boolean => {
      const inner = parseNetwork(text);
      return inner !== undefined && inner.length >= prefix.length && contains(prefix, inner.address);
    };
    return (
      isLocal(formatAddress(addressAt(prefix, 1))) || facts?.table.some((hop) => isInside(hop.dst)) === true
    );
  };
  return { routes, own, bridge, routedPods: facts?.routedPods, isLocal, isShadowed };
}
