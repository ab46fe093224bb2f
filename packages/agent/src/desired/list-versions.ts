/**
 * Decides which CNI versions the conflist offers. A runtime picks one version for the whole list and asks no
 * plugin, so the list may only offer what every plugin of it speaks. Pure.
 */
import type { SpokenVersions } from '../core/model.ts';
import { CONFLIST_NAME } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';

/** Versions that the conflist offers unless a chained plugin limits them, oldest first. */
export const LIST_VERSIONS = ['0.4.0', '1.0.0', '1.1.0'] as const;
/** Versions for plugins that speak none of the above. Older ones have no chaining. */
const OLD_VERSIONS = ['0.3.0', '0.3.1'] as const;
/** The newest version, and the first with STATUS and GC. */
const NEWEST = '1.1.0';

export interface ListVersions {
  /** Oldest first; empty: the plugins have no version in common. */
  versions: readonly string[];
  /** Problems that limit the versions. */
  problems: Problem[];
}

/** `chained` has the versions of each chained plugin. One that gave no answer counts as older than 1.1.0. */
export function listVersions(chained: readonly SpokenVersions[]): ListVersions {
  const speaks = ({ versions, error }: SpokenVersions, version: string): boolean =>
    versions === undefined ? error === undefined || version !== NEWEST : versions.includes(version);
  const common = (candidates: readonly string[]): string[] =>
    candidates.filter((version) => chained.every((plugin) => speaks(plugin, version)));
  let versions = common(LIST_VERSIONS);
  if (versions.length === 0) {
    versions = common(OLD_VERSIONS).slice(-1);
  }
  const limits = chained.flatMap((plugin) => problemOf(plugin, versions));
  if (versions.length > 0) {
    return { versions, problems: limits };
  }
  const list = chained.map(({ type, versions: own }) => `${type} (${own?.join(', ') ?? 'unknown'})`);
  const none = problem(
    'chain',
    'versions',
    `cnikit and the chained plugins ${list.join(', ')} have no CNI version in common. No CNI configuration is written until they are replaced`,
  );
  return { versions, problems: [...limits, none] };
}

function problemOf(
  { type, versions, error, missing }: SpokenVersions,
  offered: readonly string[],
): Problem[] {
  const newest = offered.at(-1);
  if (missing) {
    return [
      problem('chain', type, `The chained plugin ${type} is not installed (${error}), so no pod can start`),
    ];
  }
  if (error !== undefined) {
    return [
      problem(
        'chain-version',
        type,
        `The chained plugin ${type} does not report its CNI versions (${error}), so ${CONFLIST_NAME} offers no version after 1.0.0`,
      ),
    ];
  }
  if (versions === undefined || versions.includes(NEWEST) || newest === undefined) {
    return [];
  }
  return [
    problem(
      'chain-version',
      type,
      `The chained plugin ${type} speaks CNI ${versions.at(-1) ?? 'no version'} at most, so ${CONFLIST_NAME} offers ${newest} and not ${NEWEST}: the container runtime sends neither STATUS nor GC, and takes this node for ready before its pod network is`,
    ),
  ];
}
