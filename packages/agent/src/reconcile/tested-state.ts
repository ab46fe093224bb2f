import { parseNetwork } from '@cnikit/ip';
import type { HostFacts, NodeInfo, NodeRoute, TestedState } from '../core/model.ts';
import { foreignRoutes } from '../desired/foreign-routes.ts';

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
    const foreign = foreignRoutes(facts?.table ?? []);
    return (
      foreign.inside(prefix) !== undefined || foreign.to(prefix.address)?.prefix.length === prefix.length
    );
  };
  return { routes, own, bridge, routedPods: facts?.routedPods, isLocal, isShadowed };
}
