/** Whether packets to other nodes' pods take the agent's routes: a rule or a longer route of others may lead them away. */
import type { NodeRoute } from '../core/model.ts';
import { contains, formatAddress, parsePrefix } from '../core/prefix.ts';
import { type Problem, problem } from '../core/problem.ts';

/** Where the kernel sends packets to an address. Throws with the errno's name in `code` when it sends them nowhere. */
export type Lookup = (address: string) => { via?: string; oif?: number; table?: number } | undefined;

/** Routes asked for in one pass: the next pass goes on behind them, so that a pass costs the same in any cluster. */
const A_PASS = 64;

export function createSelfTest(lookup: Lookup): (routes: ReadonlyMap<string, NodeRoute>) => Problem[] {
  let at = 0;
  return (routes) => {
    const all = [...routes.values()];
    const tested = Math.min(A_PASS, all.length);
    const wrong: string[] = [];
    for (let i = 0; i < tested; i++) {
      const said = astray(all[(at + i) % all.length]!, lookup);
      if (said !== undefined) {
        wrong.push(said);
      }
    }
    // Where something is wrong the same ones are asked again, so that the problem ends when it is mended.
    if (wrong.length === 0) {
      at += tested;
    }
    if (wrong.length === 0) {
      return [];
    }
    return [
      problem(
        'self-test',
        '',
        `Packets to ${wrong.length} of ${tested} routes tried do not take them, such as ${wrong[0]}. Look for a rule in \`ip rule\` or a longer route that leads them away`,
      ),
    ];
  };
}

/** Undefined when packets take the route. */
function astray(route: NodeRoute, lookup: Lookup): string | undefined {
  const prefix = parsePrefix(route.dst)!;
  const bytes = prefix.bytes.slice();
  bytes[bytes.length - 1]! |= 1;
  const second = { family: prefix.family, bytes };
  const address = formatAddress(contains(prefix, second) ? second : prefix);
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
