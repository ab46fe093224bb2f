import { AGENT_MENDS, type Check, type Finding, failure } from '../finding.ts';

export const plugin: Check = {
  name: 'plugin',
  good: ({ plugin: { path, versions } }) =>
    `${path} runs and is the one of this agent (CNI versions up to ${versions?.at(-1)}).`,
  find: ({ plugin: { path, error, missing }, files }) => {
    const change = files.find((file) => file.path === path);
    const findings: Finding[] = [];
    if (change?.op === 'add') {
      findings.push(failure(`There is no plugin at ${path}, so no pod can start.`, AGENT_MENDS));
    } else if (change !== undefined) {
      findings.push(failure(`${path} is not the one that comes with this agent.`, AGENT_MENDS));
    }
    if (change?.op !== 'add' && error !== undefined) {
      findings.push(
        failure(
          `${path} does not run: ${error}.`,
          'Look whether its file system is mounted noexec, and whether it was built for this machine.',
        ),
      );
    }
    for (const name of missing) {
      findings.push(
        failure(
          `Plugin ${name} is not installed beside ${path}, so no pod can start.`,
          name === 'loopback'
            ? 'Let the agent link it (--plugin-links loopback, the default), or install the CNI plugins of your distribution.'
            : 'Install it, or take it out of the file of --chain.',
        ),
      );
    }
    return findings;
  },
};
