import { CONFLIST_NAME } from '../../../core/names.ts';
import type { Configuration } from '../../../observe/configurations.ts';
import { AGENT_MENDS, type Check, type Finding, failure, findingOf, warning } from '../finding.ts';

export const configuration: Check = {
  name: 'configuration',
  good: ({ confDir }) =>
    `The container runtime uses ${confDir}/${CONFLIST_NAME}: no other file sorts before it.`,
  find: ({ confDir, configurations, files, fileProblems }) => {
    const path = `${confDir}/${CONFLIST_NAME}`;
    const ours = configurations.find(({ file }) => file === CONFLIST_NAME);
    const earlier = configurations.filter(({ file }) => file < CONFLIST_NAME);
    const later = configurations.filter(({ file }) => file > CONFLIST_NAME);
    const findings = earlier.map((other) => wins(confDir, other, other === configurations[0]));
    if (ours === undefined) {
      findings.push(failure(`There is no ${path}, so the kubelet calls the node not ready.`, AGENT_MENDS));
    } else if (ours.broken !== undefined) {
      findings.push(failure(`${path} cannot be used: ${ours.broken}.`, AGENT_MENDS));
    } else if (files.some((file) => file.path === path)) {
      findings.push(failure(`${path} is not what it should be.`, AGENT_MENDS));
    }
    findings.push(...fileProblems.filter(({ kind }) => kind === 'held-file').map(findingOf));
    if (later.length > 0) {
      findings.push(
        warning(
          `${confDir} also has ${later.map(show).join(', ')}, which would be used as soon as ours is gone.`,
          'Remove it if that CNI is not to come back.',
        ),
      );
    }
    return findings;
  },
};

function wins(confDir: string, other: Configuration, first: boolean): Finding {
  const what = `${confDir}/${show(other)}`;
  if (other.broken !== undefined) {
    return failure(
      `${what} cannot be used (${other.broken}) and sorts before ours: containerd then loads nothing, and the node is not ready.`,
      'Repair or remove the file.',
    );
  }
  return failure(
    first
      ? `${what} sorts first, so the container runtime uses it and not cnikit.`
      : `${what} sorts before ours too.`,
    'Remove the file when its CNI is gone from this node. Pods made by it have to be made anew.',
  );
}

const show = ({ file, name, types }: Configuration): string =>
  types === undefined ? file : `${file} (network ${name}, plugins ${types.join(', ')})`;
