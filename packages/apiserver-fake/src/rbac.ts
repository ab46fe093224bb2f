/**
 * Authorisation from the deployment's own manifest, so that a missing permission fails tests and demo as it would fail in
 * a cluster.
 */
import { parseAllDocuments } from 'yaml';

export interface Attributes {
  verb: string;
  group: string;
  /** Resource, with its subresource after a slash: `nodes/status`. */
  resource: string;
  namespace?: string | undefined;
  name?: string | undefined;
}

export interface Authorizer {
  /** User of the bearer token: `system:serviceaccount:<namespace>:<name>`. */
  user: string;
  namespace: string;
  allows(request: Attributes): boolean;
}

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  verbs?: string[];
}

interface Manifest {
  kind?: string;
  metadata?: { name?: string; namespace?: string };
  rules?: Rule[];
  roleRef?: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

/** A granted rule; one granted by a RoleBinding is confined to its namespace. */
interface Grant {
  rule: Rule;
  namespace: string | undefined;
}

/** Allows everything, for tests that do not concern permissions. */
export const allowAll: Authorizer = {
  user: 'system:serviceaccount:default:test',
  namespace: 'default',
  allows: () => true,
};

/**
 * Reads ServiceAccount, Roles, ClusterRoles and their bindings from multi-document YAML. The token belongs to the first
 * ServiceAccount named by a binding. A role without binding grants nothing, as in a cluster.
 *
 * @throws {Error} when no binding names a ServiceAccount
 */
export function parseRbac(yaml: string): Authorizer {
  const manifests: Manifest[] = parseAllDocuments(yaml).map((document) => {
    if (document.errors.length > 0) {
      throw document.errors[0];
    }
    return (document.toJS() ?? {}) as Manifest;
  });
  const bindings = manifests.filter((m) => m.kind === 'ClusterRoleBinding' || m.kind === 'RoleBinding');
  const subject = bindings.flatMap((b) => b.subjects ?? []).find((s) => s.kind === 'ServiceAccount');
  if (subject === undefined) {
    throw new Error('The RBAC manifest binds no role to a ServiceAccount');
  }
  const grants: Grant[] = [];
  for (const binding of bindings) {
    const applies = binding.subjects?.some(
      (s) => s.kind === 'ServiceAccount' && s.name === subject.name && s.namespace === subject.namespace,
    );
    if (!applies) {
      continue;
    }
    const ref = binding.roleRef;
    const namespace = binding.kind === 'RoleBinding' ? binding.metadata?.namespace : undefined;
    const role = manifests.find(
      (m) =>
        m.kind === ref?.kind &&
        m.metadata?.name === ref?.name &&
        (m.kind === 'ClusterRole' || m.metadata?.namespace === namespace),
    );
    if (role === undefined) {
      throw new Error(`The RBAC manifest binds ${ref?.kind} ${ref?.name}, which it lacks`);
    }
    for (const rule of role.rules ?? []) {
      grants.push({ rule, namespace });
    }
  }
  const namespace = subject.namespace ?? 'default';
  return {
    user: `system:serviceaccount:${namespace}:${subject.name}`,
    namespace,
    allows: (request) => grants.some((grant) => matches(grant, request)),
  };
}

function matches({ rule, namespace }: Grant, request: Attributes): boolean {
  const has = (list: string[] | undefined, value: string): boolean =>
    list?.includes('*') === true || list?.includes(value) === true;
  return (
    (namespace === undefined || namespace === request.namespace) &&
    has(rule.verbs, request.verb) &&
    has(rule.apiGroups, request.group) &&
    has(rule.resources, request.resource) &&
    (rule.resourceNames === undefined ||
      rule.resourceNames.length === 0 ||
      (request.name !== undefined && rule.resourceNames.includes(request.name)))
  );
}
