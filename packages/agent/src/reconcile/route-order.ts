/** Puts changes of routes into an order that the kernel accepts. Pure. */

import type { RouteAction } from '../core/action.ts';

/**
 * Omits a route whose tunnel link does not exist: the kernel would only refuse it. The previous route is
 * removed all the same, as it leads where the node is no longer.
 */
export function withoutLink(action: RouteAction): RouteAction[] {
  if (action.op === 'remove' || 'unreachable' in action.route || action.route.oif !== 0) {
    return [action];
  }
  return action.op === 'change' ? [{ kind: 'route', op: 'remove', old: action.old }] : [];
}

/** Sorts removals first, as an old route may conflict with a new one. */
export function inOrder(actions: RouteAction[]): RouteAction[] {
  const order = { remove: 0, change: 1, add: 2 } as const;
  return actions.sort((a, b) => order[a.op] - order[b.op]);
}
