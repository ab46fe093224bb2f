import { describe } from '../../../core/action.ts';
import type { DoctorFacts } from '../facts.ts';
import { AGENT_REPAIRS, type Check, type Finding, failure, findingOf, warning } from '../finding.ts';

/** Differences to list; more do not help to find the cause. */
const MAX_SHOWN = 5;

export const routes: Check = {
  name: 'routes',
  good: ({ routes: { wanted } }) =>
    `All ${wanted.size} routes to pods on other nodes are in place, and packets take them.`,
  skips: ({ claims }) =>
    claims.size === 0 ? 'No node is known, so it is unknown which routes to pods are needed.' : undefined,
  find: (facts) => {
    const {
      routes: { changes, problems },
      selfTest,
    } = facts;
    const findings = changes
      .slice(0, MAX_SHOWN)
      .map((action) => failure(`Out of sync: ${describe(action)}.`, AGENT_REPAIRS));
    if (changes.length > MAX_SHOWN) {
      findings.push(
        failure(`${changes.length - MAX_SHOWN} more routes are missing or wrong.`, AGENT_REPAIRS),
      );
    }
    // Check `duplicates` reports podCIDRs with several claimants.
    findings.push(...problems.filter(({ kind }) => kind !== 'claim').map(findingOf));
    findings.push(...withoutLinkLayer(facts), ...insideRoutes(facts));
    // A missing route alone makes the self-test fail.
    if (changes.length === 0) {
      findings.push(...selfTest.map(findingOf));
    }
    return findings;
  },
};

/** Returns the routes of other programs to addresses of this node's pods. */
const insideRoutes = ({ desired }: DoctorFacts): Finding[] =>
  (desired?.problems ?? []).filter(({ kind }) => kind === 'inside-route').map(findingOf);

/** IFF_NOARP of include/uapi/linux/if.h. */
const IFF_NOARP = 0x80;

/** Returns the links without a link layer that direct routes use, which only --encap=never makes. */
function withoutLinkLayer({ links, routes: { wanted } }: DoctorFacts): Finding[] {
  const used = new Set([...wanted.values()].map(({ oif }) => oif));
  return links
    .filter(({ index, flags = 0 }) => used.has(index) && (flags & IFF_NOARP) !== 0)
    .map(({ name }) =>
      warning(
        `Routes to pods use ${name}, a link without a link layer: its far ends may drop packets to pods.`,
        'For WireGuard, add the podCIDRs of each node to the AllowedIPs of its peer, or use the tunnel (--encap=auto).',
      ),
    );
}
