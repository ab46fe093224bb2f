import { checkObjects } from './arguments.ts';

/** A Kubernetes object, unchecked. */
interface LooseObject {
  kind?: unknown;
  metadata?: { name?: unknown; namespace?: unknown; labels?: unknown } | null;
  spec?: { template?: Template; jobTemplate?: { spec?: { template?: Template } } } | null;
  items?: unknown;
}

type Template = { metadata?: { labels?: unknown } | null; spec?: unknown } | null;

const WORKLOADS = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'ReplicationController',
  'Job',
  'CronJob',
]);

/**
 * Unfolds lists, and replaces each workload (Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job,
 * CronJob) by one Pod of its template with the workload's name, so that policies can be decided from manifests alone.
 *
 * @throws {ArgumentError} when the argument is not a list of objects
 */
export function expandManifests(objects: Iterable<unknown>): unknown[] {
  checkObjects(objects);
  return [...objects].flatMap((value) => {
    const object = value as LooseObject | null;
    if (Array.isArray(object?.items)) {
      return expandManifests(object.items);
    }
    return typeof object?.kind === 'string' && WORKLOADS.has(object.kind) ? podsOf(object) : [object];
  });
}

function podsOf({ metadata, spec }: LooseObject): unknown[] {
  const template = spec?.template ?? spec?.jobTemplate?.spec?.template;
  return template
    ? [
        {
          kind: 'Pod',
          metadata: {
            name: metadata?.name,
            namespace: metadata?.namespace,
            labels: template.metadata?.labels,
          },
          spec: template.spec,
        },
      ]
    : [];
}
