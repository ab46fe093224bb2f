import { dirname, normalize } from 'node:path';
import { CONFLIST_NAME } from '../../../core/names.ts';
import type { RuntimeFolders } from '../../../observe/runtime-folders.ts';
import { AGENT_LINKS, AGENT_REPAIRS, type Check, type Finding, failure, findingOf } from '../finding.ts';

export const plugin: Check = {
  name: 'plugin',
  good: ({ plugin: { path, versions } }) =>
    `${path} runs and is the version shipped with this agent (CNI versions up to ${versions?.at(-1)}).`,
  find: ({ plugin: { path, error, missing, unspoken = [], runtimes = [] }, files, desired }) => {
    const change = files.find((file) => file.path === path);
    const findings: Finding[] = [];
    if (change?.op === 'add') {
      findings.push(failure(`Plugin ${path} does not exist, so no pod can start.`, AGENT_REPAIRS));
    } else if (change !== undefined) {
      findings.push(failure(`${path} differs from the plugin shipped with this agent.`, AGENT_REPAIRS));
    }
    if (change?.op !== 'add' && error !== undefined) {
      findings.push(
        failure(
          `${path} does not run: ${error}.`,
          'Check that its file system is not mounted noexec, and that it was built for the architecture of this machine.',
        ),
      );
    }
    for (const name of missing) {
      findings.push(
        failure(
          `Plugin ${name} is not installed next to ${path}, so no pod can start.`,
          name === 'loopback' ? AGENT_LINKS : 'Install it, or remove it from the --chain file.',
        ),
      );
    }
    // A node may have the configuration of a runtime that it does not use.
    const fits = ({ binDirs }: RuntimeFolders): boolean =>
      binDirs.length === 0 || binDirs.some((dir) => normalize(`${dir}/`) === normalize(`${dirname(path)}/`));
    for (const { runtime, file, binDirs } of runtimes.some(fits) ? [] : runtimes) {
      findings.push(
        failure(
          `${runtime} looks for plugins in ${binDirs.join(' and ')} (${file}), but cnikit is installed as ${path}, so no pod can start.`,
          `Install to that folder (--cni-bin-dir of the agent, or the hostPath cni-bin of its DaemonSet), or add ${dirname(path)} to the folders in ${file} and restart ${runtime}.`,
        ),
      );
    }
    for (const { type, versions, offered } of unspoken) {
      findings.push(
        failure(
          `${CONFLIST_NAME} offers CNI ${offered}, but its plugin ${type} speaks ${versions.join(', ')} only: a container runtime that knows ${offered} picks it for the whole list, and every pod fails to start.`,
          AGENT_REPAIRS,
        ),
      );
    }
    const chain = (desired?.problems ?? []).filter(
      ({ kind, subject }) => kind === 'chain-version' || (kind === 'chain' && !missing.includes(subject)),
    );
    findings.push(...chain.map(findingOf));
    return findings;
  },
};
