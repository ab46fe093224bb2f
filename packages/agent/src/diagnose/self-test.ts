/** Checks that packets to pods take the agent's routes: a policy rule or a more specific route may divert them. */

import { addressAt, formatAddress, parseNetwork } from '@cnikit/ip';
import type { NodeRoute } from '../core/model.ts';
import { type Problem, problem } from '../core/problem.ts';

/** Returns the kernel's route to an address. Throws with the errno's name in `code` when there is none. */
export type Lookup = (address: string) => { via?: string; oif?: number; table?: number } | undefined;

/** Routes per pass. The next pass continues after them, so that the cost does not grow with the cluster. */
const MAX_PER_PASS = 64;

export function createSelfTest(lookup: Lookup): (routes: ReadonlyMap<string, NodeRoute>) => Problem[] {
  let at = 0;
  return (routes) => {
    const all = [...routes.values()];
    const tested = Math.min(MAX_PER_PASS, all.length);
    const wrong: string[] = [];
    for (let i = 0; i < tested; i++) {
      const reason = diverted(all[(at + i) % all.length]!, lookup);
      if (reason !== undefined) {
        wrong.push(reason);
      }
    }
    // After a failure the same routes are tested again, so that the problem clears as soon as it is repaired.
    if (wrong.length === 0) {
      at += tested;
      return [];
    }
    return [
      problem(
        'self-test',
        '',
        `Packets do not take ${wrong.length} of ${tested} tested routes, such as ${wrong[0]}. A rule in \`ip rule\` or a more specific route diverts them`,
      ),
    ];
  };
}

/** Describes where packets go instead of the route; undefined when they take it. */
function diverted(route: NodeRoute, lookup: Lookup): string | undefined {
  const prefix = parseNetwork(route.dst)!;
  const hasSecond = prefix.length < prefix.address.length * 8;
  const address = formatAddress(addressAt(prefix, hasSecond ? 1 : 0));
  try {
    const got = lookup(address);
    if (got?.oif === route.oif && got.via === route.via) {
      return undefined;
    }
    const hop = got?.via === undefined ? 'without a gateway' : `via ${got.via}`;
    return `${route.dst} via ${route.via} dev ${route.dev}: ${address} goes ${hop} on link #${got?.oif}`;
  } catch (error) {
    return `${route.dst} via ${route.via} dev ${route.dev}: ${(error as Error).message}`;
  }
}
