import { describeLeak } from '../../../leaks/find.ts';
import type { DoctorFacts } from '../facts.ts';
import { type Check, type Finding, failure, warning } from '../finding.ts';

/** Share of a range from which on it may soon be full. */
const NEARLY_FULL = 0.9;
const LARGER = 'Give nodes larger podCIDRs (--node-cidr-mask-size), or their kubelets a smaller maxPods.';

export const leaks: Check = {
  name: 'leaks',
  good: ({ pools }) =>
    `Pods left nothing over${pools.map(({ range, used }) => `; ${used} addresses of ${range} are used`).join('')}.`,
  find: (facts) => [...leftOver(facts), ...facts.pools.flatMap(ofPool)],
};

function leftOver({ leaks: all, runtimeUp }: DoctorFacts): Finding[] {
  const later = runtimeUp
    ? 'The agent releases it when it has been so for --leak-grace.'
    : 'The agent would release it, but not while no container runtime listens, as now: start it, or name its socket by --runtime-socket.';
  return all.map((leak) =>
    warning(
      `Left over: ${describeLeak(leak)}.`,
      leak.kind === 'unreserved' ? 'Delete that pod, so that it is made anew.' : later,
    ),
  );
}

function ofPool({ range, used, free }: DoctorFacts['pools'][number]): Finding[] {
  const message = `${used} of ${used + free} addresses of ${range} are used`;
  if (free <= 0) {
    return [failure(`${message}: no further pod can start here.`, LARGER)];
  }
  return used / (used + free) < NEARLY_FULL ? [] : [warning(`${message}.`, LARGER)];
}
