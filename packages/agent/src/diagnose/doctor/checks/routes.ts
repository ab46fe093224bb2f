import { describe } from '../../../core/action.ts';
import { AGENT_MENDS, type Check, failure, findingOf } from '../finding.ts';

/** Enough to see what kind of trouble it is. */
const SHOWN = 5;

export const routes: Check = {
  name: 'routes',
  good: ({ routes: { wanted } }) =>
    `All ${wanted.size} routes to other nodes' pods are there, and packets take them.`,
  find: ({ routes: { changes, problems }, selfTest }) => {
    const findings = changes
      .slice(0, SHOWN)
      .map((action) => failure(`Not as it should be: ${describe(action)}.`, AGENT_MENDS));
    if (changes.length > SHOWN) {
      findings.push(failure(`So are ${changes.length - SHOWN} further routes.`, AGENT_MENDS));
    }
    // Check `duplicates` reports podCIDRs with several claimants.
    findings.push(...problems.filter(({ kind }) => kind !== 'claim').map(findingOf));
    // A route that is missing leads packets astray by itself.
    if (changes.length === 0) {
      findings.push(...selfTest.map(findingOf));
    }
    return findings;
  },
};
