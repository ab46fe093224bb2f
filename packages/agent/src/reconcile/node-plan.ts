/** Assembles the state that a node should have, for the running agent and for every command. */
import type { KernelAction } from '../core/action.ts';
import type { Kernel } from '../core/kernel.ts';
import type { Chain, HostFacts, NodeInfo, NodeRoute } from '../core/model.ts';
import type { Problem } from '../core/problem.ts';
import { type DesiredHost, desiredHost, type Policy } from '../desired/desired-host.ts';
import type { NodeIndex } from '../desired/node-index.ts';
import { type HostDeps, HostReconciler } from './host-reconciler.ts';
import { type RouteOptions, RouteReconciler } from './route-reconciler.ts';

/**
 * Returns everything except the routes, which {@link RouteReconciler} decides. Undefined before the first
 * dump, and while this node has no podCIDR.
 */
export function assembleHost(
  claims: NodeIndex,
  policy: Policy,
  routes: RouteReconciler,
  host: HostReconciler,
  chain: Chain | undefined,
): DesiredHost | undefined {
  const { facts, paths } = routes;
  return (
    facts &&
    desiredHost(claims, policy, facts, {
      paths,
      chain,
      backend: (podCIDRs) => host.backend(podCIDRs),
      usesSets: () => host.usesSets,
      randomPorts: host.randomPorts,
      leftToPlugin: (sysctls) => host.leftToPlugin(sysctls),
    })
  );
}

/** The changes that `run` would make to routes and tunnels. */
export interface RoutePlan {
  /** This node; undefined while the API lacks it, when nothing is changed. */
  own: NodeInfo | undefined;
  actions: readonly KernelAction[];
  problems: readonly Problem[];
  wanted: ReadonlyMap<string, NodeRoute>;
}

/** Returns what `run` would do to routes and tunnels now. Changes nothing. */
export function planRoutes(
  claims: NodeIndex,
  options: RouteOptions,
  kernel: Kernel,
): RoutePlan & { routes: RouteReconciler } {
  const routes = new RouteReconciler(claims, kernel, options);
  routes.load();
  const own = claims.get(options.nodeName);
  const { actions, problems } = own === undefined ? { actions: [], problems: [] } : routes.plan();
  return { own, actions, problems, wanted: routes.wanted, routes };
}

export interface PlanDeps extends HostDeps {
  kernel: Kernel;
  /** Absent: no plugins are chained. */
  chain?: () => Chain;
}

/** The state that a node should have, and what `run` would do about it. */
export interface NodePlan extends RoutePlan {
  host: HostReconciler;
  desired: DesiredHost | undefined;
  facts: HostFacts | undefined;
  /** The plugin has attached pods on this node. */
  hasPods: boolean;
}

/**
 * Returns what `run` would do now. Changes nothing. `host.plan(desired)` has the actions besides routes and
 * tunnels.
 */
export function planNode(claims: NodeIndex, policy: Policy & RouteOptions, deps: PlanDeps): NodePlan {
  const { routes, ...plan } = planRoutes(claims, policy, deps.kernel);
  const host = new HostReconciler(deps);
  const hasPods = routes.facts?.hasPods === true;
  const { facts } = routes;
  return {
    ...plan,
    host,
    hasPods,
    facts,
    desired: assembleHost(claims, policy, routes, host, deps.chain?.()),
  };
}
