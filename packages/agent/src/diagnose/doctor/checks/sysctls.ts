import { type Check, failure } from '../finding.ts';

const dotted = (key: string): string => key.replaceAll('/', '.');

export const sysctls: Check = {
  name: 'sysctls',
  good: ({ desired }) =>
    `Kernel settings are correct: ${desired?.sysctls.map(({ key }) => dotted(key)).join(', ') ?? 'none required yet'}.`,
  find: ({ sysctls: actions }) =>
    actions.map(({ key, from, to, why }) =>
      failure(
        `${dotted(key)} is ${from} but should be ${to}: ${why}.`,
        `Set it on the host with \`sysctl -w ${dotted(key)}=${to}\`. If it reverts, set it in /etc/sysctl.d too.`,
      ),
    ),
};
