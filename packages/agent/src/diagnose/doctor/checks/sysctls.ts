import { type Check, failure } from '../finding.ts';

const dotted = (key: string): string => key.replaceAll('/', '.');

export const sysctls: Check = {
  name: 'sysctls',
  good: ({ desired }) =>
    `The kernel's settings are as they should be: ${desired?.sysctls.map(({ key }) => dotted(key)).join(', ') ?? 'none is known to be needed yet'}.`,
  find: ({ sysctls: actions }) =>
    actions.map(({ key, from, to, why }) =>
      failure(
        `${dotted(key)} is ${from} and should be ${to}: ${why}.`,
        `Set it on the host by \`sysctl -w ${dotted(key)}=${to}\`, and in /etc/sysctl.d if something sets it back.`,
      ),
    ),
};
