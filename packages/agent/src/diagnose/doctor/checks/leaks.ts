import { problemKinds } from '../../../core/problem.ts';
import { describeLeak } from '../../../leaks/find.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Check, type Finding, failure, warning } from '../finding.ts';

/** Share of used addresses that calls for a warning. */
const NEARLY_FULL = 0.9;
const LARGER = problemKinds['full-range'].fix!;

export const leaks: Check = {
  name: 'leaks',
  good: ({ pools }) =>
    `No leaked addresses or links${pools.map(({ range, used }) => `; ${used} addresses of ${range} in use`).join('')}.`,
  find: (facts) => [...leaked(facts), ...facts.pools.flatMap(poolFindings)],
};

function leaked({ leaks: all, runtimeUp }: DoctorFacts): Finding[] {
  const later = runtimeUp
    ? 'The agent releases it once it has been leaked for --leak-grace.'
    : 'The agent does not release it, because no container runtime is listening. Start the runtime, or pass its socket with --runtime-socket.';
  return all.map((leak) =>
    leak.kind === 'unreserved'
      ? warning(
          `The pod ${leak.pod === undefined ? '' : `${leak.pod} `}behind ${leak.link.name} runs without a reserved address: another pod may get the same address.`,
          'Delete that pod, so that it is recreated. Never remove files below the state directory.',
        )
      : warning(`Leaked ${describeLeak(leak)}.`, later),
  );
}

function poolFindings({ range, used, free }: DoctorFacts['pools'][number]): Finding[] {
  const message = `${used} of ${used + free} addresses of ${range} are in use`;
  if (free <= 0) {
    return [failure(`${message}: no more pods can start on this node.`, LARGER)];
  }
  return used / (used + free) < NEARLY_FULL ? [] : [warning(`${message}.`, LARGER)];
}
