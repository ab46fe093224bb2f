import { normalize } from 'node:path';
import { CONFLIST_NAME } from '../../../core/names.ts';
import type { Configuration } from '../../../observe/configurations.ts';
import type { RuntimeFolders } from '../../../observe/runtime-folders.ts';
import { AGENT_REPAIRS, type Check, type Finding, failure, findingOf, warning } from '../finding.ts';

export const configuration: Check = {
  name: 'configuration',
  good: ({ confDir, configurations }) => {
    const [first] = configurations;
    return first?.delegation === undefined
      ? `The container runtime uses ${confDir}/${CONFLIST_NAME}; no other file sorts before it.`
      : `The container runtime uses ${confDir}/${first.file}, which delegates the default network of pods to cnikit.`;
  },
  find: ({ confDir, configurations, files, fileProblems, plugin: { runtimes = [] } }) => {
    const path = `${confDir}/${CONFLIST_NAME}`;
    const ours = configurations.find(({ file }) => file === CONFLIST_NAME);
    const earlier = configurations.filter(({ file }) => file < CONFLIST_NAME);
    const later = configurations.filter(
      ({ file, delegation }) => file > CONFLIST_NAME && delegation === undefined,
    );
    const findings = earlier.flatMap((other) => wins(confDir, other, other === configurations[0]));
    if (ours === undefined) {
      findings.push(
        failure(`${path} does not exist, so the kubelet reports the node as not ready.`, AGENT_REPAIRS),
      );
    } else if (ours.broken !== undefined) {
      findings.push(failure(`${path} is invalid: ${ours.broken}.`, AGENT_REPAIRS));
    } else if (files.some((file) => file.path === path)) {
      findings.push(failure(`${path} differs from the desired configuration.`, AGENT_REPAIRS));
    }
    findings.push(...fileProblems.filter(({ kind }) => kind === 'held-file').map(findingOf));
    findings.push(...elsewhere(confDir, runtimes));
    if (later.length > 0) {
      findings.push(
        warning(
          `${confDir} also contains ${later.map(show).join(', ')}; the container runtime would use it if ours were removed.`,
          'Remove it, unless you intend to return to that CNI.',
        ),
      );
    }
    return findings;
  },
};

/** Returns the runtimes that read another folder, unless one reads ours: a node may have several configurations. */
function elsewhere(confDir: string, runtimes: readonly RuntimeFolders[]): Finding[] {
  const same = (dir: string): boolean => normalize(`${dir}/`) === normalize(`${confDir}/`);
  const named = runtimes.flatMap(({ runtime, confDir: own }) =>
    own === undefined ? [] : [{ runtime, ...own }],
  );
  return named.some(({ dir }) => same(dir))
    ? []
    : named.map(({ runtime, dir, file }) =>
        failure(
          `${runtime} reads network configurations from ${dir} (${file}), but cnikit writes ${confDir}/${CONFLIST_NAME}, so ${runtime} does not use it.`,
          `Write to that folder (--cni-conf-dir of the agent, or the hostPath cni-conf of its DaemonSet), or set ${confDir} in ${file} and restart ${runtime}.`,
        ),
      );
}

function wins(confDir: string, other: Configuration, first: boolean): Finding[] {
  const what = `${confDir}/${show(other)}`;
  if (other.broken !== undefined) {
    return [
      failure(
        `${what} is invalid (${other.broken}) and sorts before ours: containerd loads no configuration, and the node is not ready.`,
        'Repair or remove the file.',
      ),
    ];
  }
  if (other.delegation === 'old-copy') {
    return [
      warning(
        `${what} delegates to a copy of ${CONFLIST_NAME} that differs from the installed one, so new pods get the old settings.`,
        'Restart the Multus pod of this node: it embeds the installed version.',
      ),
    ];
  }
  if (other.delegation !== undefined) {
    return [];
  }
  return [
    failure(
      first
        ? `${what} sorts first, so the container runtime uses it instead of cnikit.`
        : `${what} also sorts before ours.`,
      'Remove the file once its CNI is uninstalled from this node, and recreate the pods that it attached.',
    ),
  ];
}

const show = ({ file, name, types }: Configuration): string =>
  types === undefined ? file : `${file} (network ${name}, plugins ${types.join(', ')})`;
