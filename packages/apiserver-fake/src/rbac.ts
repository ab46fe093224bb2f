/** Authorisation from RBAC manifests, so that a missing permission fails a test as it would fail in a cluster. */
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
  apiGroups?: readonly string[] | undefined;
  resources?: readonly string[] | undefined;
  resourceNames?: readonly string[] | undefined;
  verbs?: readonly string[] | undefined;
}

/** A Role, ClusterRole, RoleBinding or ClusterRoleBinding. Objects of other kinds are ignored. */
export interface RbacObject {
  kind?: string;
  metadata?: { name?: string; namespace?: string };
  rules?: readonly {
    apiGroups?: readonly string[];
    resources?: readonly string[];
    resourceNames?: readonly string[];
    verbs?: readonly string[];
  }[];
  roleRef?: { kind: string; name: string };
  subjects?: readonly { kind: string; name: string; namespace?: string }[];
}

const ACCOUNT = 'system:serviceaccount:';

/** A granted rule; one granted by a RoleBinding is confined to its namespace. */
interface Grant {
  rule: Rule;
  namespace: string | undefined;
}

/** Allows everything, for tests that do not concern permissions. */
export const allowAll = (user = 'system:serviceaccount:default:test'): Authorizer => ({
  user,
  namespace: namespaceOf(user),
  allows: () => true,
});

/**
 * Reads the objects of multi-document YAML.
 *
 * @throws {Error} when the text is not YAML
 */
export function parseManifests(yaml: string): RbacObject[] {
  return parseAllDocuments(yaml).map((document) => {
    if (document.errors.length > 0) {
      throw document.errors[0];
    }
    return (document.toJS() ?? {}) as RbacObject;
  });
}

/**
 * Returns the permissions that Roles, ClusterRoles and their bindings grant to a user. The default user is the first
 * ServiceAccount that a binding names. A role without binding grants nothing, as in a cluster.
 *
 * @throws {Error} when no binding names a ServiceAccount and `user` is omitted, or when a bound role is missing
 */
export function rbacAuthorizer(objects: readonly RbacObject[], user = firstAccount(objects)): Authorizer {
  const grants: Grant[] = [];
  for (const binding of objects.filter(isBinding)) {
    if (!binding.subjects?.some((subject) => isUser(subject, user))) {
      continue;
    }
    const ref = binding.roleRef;
    const namespace = binding.kind === 'RoleBinding' ? binding.metadata?.namespace : undefined;
    const role = objects.find(
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
  return {
    user,
    namespace: namespaceOf(user),
    allows: (request) => grants.some((grant) => matches(grant, request)),
  };
}

const isBinding = ({ kind }: RbacObject): boolean => kind === 'ClusterRoleBinding' || kind === 'RoleBinding';

function firstAccount(objects: readonly RbacObject[]): string {
  const subjects = objects.filter(isBinding).flatMap((b) => b.subjects ?? []);
  const account = subjects.find(({ kind }) => kind === 'ServiceAccount');
  if (account === undefined) {
    throw new Error(
      'The RBAC manifest binds no role to a ServiceAccount: add a binding, or pass the option user',
    );
  }
  return `system:serviceaccount:${account.namespace ?? 'default'}:${account.name}`;
}

function isUser(
  { kind, name, namespace }: NonNullable<RbacObject['subjects']>[number],
  user: string,
): boolean {
  switch (kind) {
    case 'ServiceAccount':
      return user === `system:serviceaccount:${namespace ?? 'default'}:${name}`;
    case 'User':
      return user === name;
    case 'Group':
      return groupsOf(user).includes(name);
    default:
      return false;
  }
}

function groupsOf(user: string): string[] {
  return user.startsWith(ACCOUNT)
    ? ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${namespaceOf(user)}`]
    : ['system:authenticated'];
}

function namespaceOf(user: string): string {
  return user.startsWith(ACCOUNT) ? user.slice(ACCOUNT.length).split(':')[0]! : 'default';
}

function matches({ rule, namespace }: Grant, request: Attributes): boolean {
  const has = (list: readonly string[] | undefined, value: string): boolean =>
    list?.includes('*') === true || list?.includes(value) === true;
  const subresource = request.resource.split('/')[1];
  return (
    (namespace === undefined || namespace === request.namespace) &&
    has(rule.verbs, request.verb) &&
    has(rule.apiGroups, request.group) &&
    (has(rule.resources, request.resource) ||
      (subresource !== undefined && rule.resources?.includes(`*/${subresource}`) === true)) &&
    (rule.resourceNames === undefined ||
      rule.resourceNames.length === 0 ||
      (request.name !== undefined && rule.resourceNames.includes(request.name)))
  );
}
