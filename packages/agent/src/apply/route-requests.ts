/** Netlink requests that change the agent's routes. */
import { delRoute, newRoute, type Request } from '@cnikit/netlink';
import type { RouteAction } from '../core/action.ts';
import { type NodeRoute, RTN_UNREACHABLE, UNREACHABLE_METRIC, type UnreachableRoute } from '../core/model.ts';
import { ROUTE_PROTOCOL } from '../core/names.ts';

/**
 * Creates exclusively and removes by protocol, so that neither affects a foreign route. A change is a removal
 * and a creation: NLM_F_REPLACE replaces any route with that destination and metric, also one that another
 * program has just put in place of ours.
 */
export function routeRequests(action: RouteAction): Request[] {
  const requests: Request[] = [];
  if (action.op !== 'add') {
    const { dst, via, oif, priority, type } = action.old;
    requests.push(
      delRoute({
        dst,
        via,
        oif,
        protocol: ROUTE_PROTOCOL,
        priority,
        type,
      }),
    );
  }
  if (action.op !== 'remove') {
    requests.push(creation(action.route));
  }
  return requests;
}

function creation(route: NodeRoute | UnreachableRoute): Request {
  const { dst } = route;
  if ('unreachable' in route) {
    return newRoute({
      dst,
      protocol: ROUTE_PROTOCOL,
      priority: UNREACHABLE_METRIC,
      type: RTN_UNREACHABLE,
    });
  }
  const { via, oif, onlink } = route;
  return newRoute({ dst, via, oif, protocol: ROUTE_PROTOCOL, ...(onlink === true ? { onlink } : {}) });
}
