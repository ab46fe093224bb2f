import type { ClusterObject, Namespace, NetworkPolicy, Node, Pod } from './api.ts';
import { checkNoList, checkObjects } from './arguments.ts';
import { InvalidObjectError } from './errors.ts';
import { namespaceLabels } from './labels.ts';
import { podName } from './names.ts';
import { schemas } from './schemas.ts';

/** The objects that decisions depend on. {@link readCluster} makes one. */
export interface Cluster {
  pods: readonly Pod[];
  namespaces: readonly Namespace[];
  nodes: readonly Node[];
  policies: readonly NetworkPolicy[];
}

/**
 * Checks objects as the API returns them and groups them. Ignores kinds that policies do not depend on. Of two objects
 * with one name, the last counts. A namespace that has pods or policies and no Namespace object exists with its name as
 * only label.
 *
 * @throws {ArgumentError} when the argument or an object is a list of the API: `expandManifests()` unfolds those
 * @throws {InvalidObjectError} when an object has a field that the API server would refuse
 */
export function readCluster(objects: Iterable<unknown>): Cluster {
  const pods = new Map<string, Pod>();
  const nodes = new Map<string, Node>();
  const policies = new Map<string, NetworkPolicy>();
  const namespaces = new Map<string, Namespace>();
  checkObjects(objects);
  for (const value of objects) {
    checkNoList(value);
    const object = readObject(value);
    switch (object?.kind) {
      case 'Pod':
        pods.set(podName(object), object);
        break;
      case 'Node':
        nodes.set(object.metadata.name, object);
        break;
      case 'NetworkPolicy':
        policies.set(podName(object), object);
        break;
      case 'Namespace':
        namespaces.set(object.metadata.name, object);
        break;
    }
  }
  for (const { metadata } of [...pods.values(), ...policies.values()]) {
    if (!namespaces.has(metadata.namespace)) {
      namespaces.set(
        metadata.namespace,
        labelled({ kind: 'Namespace', metadata: { name: metadata.namespace } }),
      );
    }
  }
  return {
    pods: [...pods.values()],
    nodes: [...nodes.values()],
    policies: [...policies.values()],
    namespaces: [...namespaces.values()],
  };
}

/**
 * Checks one object. Returns `undefined` for a kind that policies do not depend on. A field that is `null` counts as
 * absent, as in the API.
 *
 * @throws {InvalidObjectError} when the object has a field that the API server would refuse
 */
export function readObject(value: unknown): ClusterObject | undefined {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(schemas, kind)) {
    return undefined;
  }
  const result = schemas[kind as keyof typeof schemas].safeParse(normalise(value));
  if (!result.success) {
    throw new InvalidObjectError(value, result.error.issues);
  }
  const object: ClusterObject = result.data;
  return object.kind === 'Namespace' ? labelled(object) : object;
}

function labelled(namespace: Namespace): Namespace {
  const { metadata } = namespace;
  return { ...namespace, metadata: { ...metadata, labels: namespaceLabels(metadata.name, metadata.labels) } };
}

/** Removes nulls and gives `from` the API's name: models of @kubernetes/client-node call it `_from`. */
function normalise(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(normalise);
  }
  if (value instanceof Date) {
    return value.toISOString();
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const entries = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  return Object.fromEntries(
    entries.map(([key, field]) => [key === '_from' ? 'from' : key, normalise(field)]),
  );
}
