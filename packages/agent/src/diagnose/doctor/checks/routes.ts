import { describe } from '../../../core/action.ts';
import { AGENT_MENDS, type Check, failure } from '../finding.ts';

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
    for (const { key, message } of problems) {
      if (!key.startsWith('claim ')) {
        findings.push(
          failure(
            `${message}.`,
            'Pods here do not reach the pods behind it. Mend what the sentence names; the agent follows at once.',
          ),
        );
      }
    }
    // A route that is missing leads packets astray by itself.
    if (changes.length === 0) {
      for (const { message } of selfTest) {
        findings.push(
          failure(
            `${message}.`,
            'See `ip rule` and `ip route get ADDRESS`, and remove what leads them away.',
          ),
        );
      }
    }
    return findings;
  },
};
