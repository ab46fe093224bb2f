/** The resources that a server serves. */

/** A Kubernetes object as JSON; only the common fields are typed. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    creationTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [key: string]: unknown;
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [key: string]: unknown;
}

/** A resource as a CustomResourceDefinition describes it. */
export interface ResourceDefinition {
  /** API group: `'example.com'`; `''` is the core group. */
  group: string;
  /** @default 'v1' */
  version?: string;
  /** Lower-case name in paths: `'widgets'`. */
  plural: string;
  kind: string;
  /** @default true */
  namespaced?: boolean;
  /**
   * True if the resource has a `status` subresource.
   *
   * @default true
   */
  status?: boolean;
  /** Paths that field selectors accept besides `metadata.name` and `metadata.namespace`: `'spec.nodeName'`. */
  fields?: readonly string[];
}

export type ResourceType = Required<ResourceDefinition>;

const named = (plural: string, kind: string): ResourceDefinition => ({ group: '', plural, kind });
const inGroup = (group: string, plural: string, kind: string): ResourceDefinition => ({
  group,
  plural,
  kind,
});
const onCluster = (one: ResourceDefinition): ResourceDefinition => ({ ...one, namespaced: false });
const noStatus = (one: ResourceDefinition): ResourceDefinition => ({ ...one, status: false });

const RBAC = 'rbac.authorization.k8s.io';

/** Resources of Kubernetes that every server serves, and the fields that kube-apiserver accepts in selectors. */
const BUILT_IN: readonly ResourceDefinition[] = [
  { ...onCluster(named('nodes', 'Node')), fields: ['spec.unschedulable'] },
  { ...onCluster(named('namespaces', 'Namespace')), fields: ['status.phase'] },
  {
    ...named('pods', 'Pod'),
    fields: [
      'spec.nodeName',
      'spec.hostNetwork',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ],
  },
  { ...named('services', 'Service'), fields: ['spec.clusterIP', 'spec.type'] },
  noStatus(named('configmaps', 'ConfigMap')),
  { ...noStatus(named('secrets', 'Secret')), fields: ['type'] },
  noStatus(named('serviceaccounts', 'ServiceAccount')),
  noStatus(named('endpoints', 'Endpoints')),
  noStatus(named('limitranges', 'LimitRange')),
  noStatus(named('podtemplates', 'PodTemplate')),
  {
    ...noStatus(named('events', 'Event')),
    fields: ['involvedObject.kind', 'involvedObject.name', 'reason', 'type'],
  },
  onCluster(named('persistentvolumes', 'PersistentVolume')),
  named('persistentvolumeclaims', 'PersistentVolumeClaim'),
  { ...named('replicationcontrollers', 'ReplicationController'), fields: ['status.replicas'] },
  named('resourcequotas', 'ResourceQuota'),
  inGroup('apps', 'deployments', 'Deployment'),
  inGroup('apps', 'daemonsets', 'DaemonSet'),
  { ...inGroup('apps', 'replicasets', 'ReplicaSet'), fields: ['status.replicas'] },
  inGroup('apps', 'statefulsets', 'StatefulSet'),
  noStatus(inGroup('apps', 'controllerrevisions', 'ControllerRevision')),
  { ...inGroup('batch', 'jobs', 'Job'), fields: ['status.successful'] },
  inGroup('batch', 'cronjobs', 'CronJob'),
  noStatus(inGroup('coordination.k8s.io', 'leases', 'Lease')),
  noStatus(inGroup('discovery.k8s.io', 'endpointslices', 'EndpointSlice')),
  noStatus(inGroup('events.k8s.io', 'events', 'Event')),
  noStatus(inGroup('networking.k8s.io', 'networkpolicies', 'NetworkPolicy')),
  inGroup('networking.k8s.io', 'ingresses', 'Ingress'),
  onCluster(noStatus(inGroup('networking.k8s.io', 'ingressclasses', 'IngressClass'))),
  inGroup('policy', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  noStatus(inGroup(RBAC, 'roles', 'Role')),
  noStatus(inGroup(RBAC, 'rolebindings', 'RoleBinding')),
  onCluster(noStatus(inGroup(RBAC, 'clusterroles', 'ClusterRole'))),
  onCluster(noStatus(inGroup(RBAC, 'clusterrolebindings', 'ClusterRoleBinding'))),
  onCluster(noStatus(inGroup('scheduling.k8s.io', 'priorityclasses', 'PriorityClass'))),
  onCluster(noStatus(inGroup('storage.k8s.io', 'storageclasses', 'StorageClass'))),
  onCluster(inGroup('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition')),
];

/** The resources of one server: those of Kubernetes and the test's own. */
export class Resources {
  readonly #all: ResourceType[];

  constructor(own: readonly ResourceDefinition[] = []) {
    this.#all = BUILT_IN.map(complete);
    for (const one of own) {
      this.#all.push(checked(complete(one), this.#all));
    }
  }

  get all(): readonly ResourceType[] {
    return this.#all;
  }

  find(group: string, version: string, plural: string): ResourceType | undefined {
    return this.#all.find((r) => r.group === group && r.version === version && r.plural === plural);
  }

  /**
   * Returns the resource of an object's apiVersion and kind.
   *
   * @throws {Error} when the server does not serve the resource
   */
  ofObject({ apiVersion, kind, metadata }: KubeObject): ResourceType {
    const found = this.#all.find((r) => apiVersionOf(r) === apiVersion && r.kind === kind);
    if (found === undefined) {
      throw new Error(
        `The server has no resource for apiVersion ${apiVersion}, kind ${kind} of object "${metadata?.name}": pass its definition in the option resources`,
      );
    }
    return found;
  }

  /**
   * Returns the resource of a name such as `pods` or `deployments.apps`. The group may be omitted for a unique name;
   * the core group wins.
   *
   * @throws {Error} when the server does not serve the resource
   */
  named(name: string): ResourceType {
    const exact = this.#all.find((r) => qualifiedName(r) === name);
    const [only, other] = this.#all.filter((r) => r.plural === name);
    const found = exact ?? (other === undefined ? only : undefined);
    if (found === undefined) {
      throw new Error(
        `The server has no resource "${name}": pass its definition in the option resources, or name its group as in deployments.apps`,
      );
    }
    return found;
  }
}

function complete(one: ResourceDefinition): ResourceType {
  const { group, version = 'v1', plural, kind, namespaced = true, status = true, fields = [] } = one;
  const metadata = namespaced ? ['metadata.name', 'metadata.namespace'] : ['metadata.name'];
  return { group, version, plural, kind, namespaced, status, fields: [...metadata, ...fields] };
}

/** @throws {Error} when a path cannot name the resource or another resource has its path */
function checked(one: ResourceType, others: readonly ResourceType[]): ResourceType {
  const name = `${apiVersionOf(one)} ${one.plural}`;
  const path = one.group === '' ? one.version === 'v1' : /^[a-z0-9.-]+$/.test(one.group);
  if (!path || !/^v[a-z0-9]+$/.test(one.version) || !/^[a-z][a-z0-9-]*$/.test(one.plural) || !one.kind) {
    throw new Error(
      `Invalid resource "${name}": group, version and plural are lower-case names, kind is not empty`,
    );
  }
  if (others.some((r) => qualifiedName(r) === qualifiedName(one))) {
    throw new Error(`The server already has the resource "${qualifiedName(one)}"`);
  }
  return one;
}

export function apiVersionOf(type: Pick<ResourceType, 'group' | 'version'>): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** Returns `deployments.apps`, or the plural alone in the core group, as errors of Kubernetes name a resource. */
export function qualifiedName(type: Pick<ResourceType, 'group' | 'plural'>): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`;
}

/** Returns `namespace/name`, or the name for cluster-scoped objects. Sorts like etcd's keys. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
