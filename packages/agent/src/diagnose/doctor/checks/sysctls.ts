import { sysctlName } from '../../../core/sysctl-name.ts';
import { type Check, failure } from '../finding.ts';

export const sysctls: Check = {
  name: 'sysctls',
  good: ({ desired }) =>
    `Kernel settings are correct: ${desired?.sysctls.map(({ key }) => sysctlName(key)).join(', ') ?? 'none required'}.`,
  skips: ({ desired }) =>
    desired === undefined
      ? 'The podCIDR of this node is unknown, and with it which kernel settings are needed.'
      : undefined,
  find: ({ sysctls: actions }) =>
    actions.map(({ key, from, to, why }) =>
      failure(
        `${sysctlName(key)} is ${from} but should be ${to}: ${why}.`,
        `Set it on the host with \`sysctl -w ${sysctlName(key)}=${to}\`. If it reverts, set it in /etc/sysctl.d too.`,
      ),
    ),
};
