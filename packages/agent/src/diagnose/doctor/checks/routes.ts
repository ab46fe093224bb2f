import { describe } from '../../../core/action.ts';
import { AGENT_REPAIRS, type Check, failure, findingOf } from '../finding.ts';

/** Differences to list; more do not help to find the cause. */
const MAX_SHOWN = 5;

export const routes: Check = {
  name: 'routes',
  good: ({ routes: { wanted } }) =>
    `All ${wanted.size} routes to pods on other nodes are in place, and packets take them.`,
  find: ({ routes: { changes, problems }, selfTest }) => {
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
    // A missing route alone makes the self-test fail.
    if (changes.length === 0) {
      findings.push(...selfTest.map(findingOf));
    }
    return findings;
  },
};
