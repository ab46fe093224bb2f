/** Maps method and URL to the request's RBAC attributes. */
import { apiVersionOf, type Resources, type ResourceType } from './resources.ts';
import { ApiError } from './status.ts';

/** Public paths, as granted by the role system:public-info-viewer. */
const PUBLIC = ['/version', '/healthz', '/livez', '/readyz'];

export type Route =
  | { kind: 'public' | 'discovery'; path: string; verb: string }
  | { kind: 'accessReview'; verb: string }
  | {
      kind: 'resource';
      verb: string;
      resource: ResourceType;
      namespace: string | undefined;
      name: string | undefined;
      subresource: 'status' | undefined;
    };

const REVIEW = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

export function parseRoute(method: string, url: URL, resources: Resources): Route {
  const path = url.pathname;
  if (PUBLIC.includes(path)) {
    return { kind: 'public', path, verb: readOnly(method, path) };
  }
  if (discovery(path, resources) !== undefined) {
    return { kind: 'discovery', path, verb: readOnly(method, path) };
  }
  if (path === REVIEW) {
    if (method !== 'POST') {
      throw notAllowed(method);
    }
    return { kind: 'accessReview', verb: 'create' };
  }
  const match =
    /^\/(?:api\/(?<core>v1)|apis\/(?<group>[a-z0-9.-]+)\/(?<version>v\w+))(?:\/namespaces\/(?<ns>[^/]+))?\/(?<plural>[a-z][a-z0-9-]*)(?:\/(?<name>[^/]+)(?:\/(?<sub>\w+))?)?$/.exec(
      path,
    );
  const g = match?.groups === undefined ? undefined : namespaceStatus(match.groups);
  const resource =
    g === undefined ? undefined : resources.find(g.group ?? '', g.core ?? g.version ?? '', g.plural ?? '');
  if (g === undefined || resource === undefined) {
    throw notFound();
  }
  const name = g.name === undefined ? undefined : decodeURIComponent(g.name);
  if (g.ns !== undefined && !resource.namespaced) {
    throw notFound();
  }
  if (name !== undefined && resource.namespaced && g.ns === undefined) {
    throw notFound();
  }
  if (g.sub !== undefined && !(g.sub === 'status' && resource.status)) {
    throw notFound();
  }
  const watching = ['true', '1'].includes(url.searchParams.get('watch') ?? '');
  return {
    kind: 'resource',
    verb: resourceVerb(method, name !== undefined, watching),
    resource,
    namespace: g.ns,
    name,
    subresource: g.sub === undefined ? undefined : 'status',
  };
}

/** Returns the discovery document of a path; undefined for other paths. */
export function discovery(path: string, { all }: Resources): unknown {
  if (path === '/api') {
    return { kind: 'APIVersions', versions: ['v1'] };
  }
  if (path === '/apis') {
    const groups = new Map(all.filter((r) => r.group !== '').map((r) => [r.group, r.version]));
    return {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: [...groups].map(([name, version]) => {
        const preferredVersion = { groupVersion: `${name}/${version}`, version };
        return { name, versions: [preferredVersion], preferredVersion };
      }),
    };
  }
  const resources = all.filter((r) => path === (r.group === '' ? '/api/v1' : `/apis/${apiVersionOf(r)}`));
  if (resources.length === 0) {
    return undefined;
  }
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(resources[0]!),
    resources: resources.flatMap(({ plural, kind, namespaced, status }) => [
      {
        name: plural,
        namespaced,
        kind,
        verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
      },
      ...(status ? [{ name: `${plural}/status`, namespaced, kind, verbs: ['get', 'patch', 'update'] }] : []),
    ]),
  };
}

/** Reads `namespaces/NAME/status` as a subresource, not as the resource `status` in the namespace. */
function namespaceStatus(groups: Groups): Groups {
  return groups.ns !== undefined && groups.plural === 'status' && groups.name === undefined
    ? { ...groups, ns: undefined, plural: 'namespaces', name: groups.ns, sub: 'status' }
    : groups;
}

type Groups = Record<string, string | undefined>;

function resourceVerb(method: string, named: boolean, watching: boolean): string {
  switch (method) {
    case 'GET':
      return named ? 'get' : watching ? 'watch' : 'list';
    case 'POST':
      if (named) {
        throw notAllowed(method);
      }
      return 'create';
    case 'PUT':
      if (!named) {
        throw notAllowed(method);
      }
      return 'update';
    case 'PATCH':
      if (!named) {
        throw notAllowed(method);
      }
      return 'patch';
    case 'DELETE':
      return named ? 'delete' : 'deletecollection';
    default:
      throw notAllowed(method);
  }
}

function readOnly(method: string, path: string): string {
  if (method !== 'GET') {
    throw new ApiError(405, `${method} is not supported on ${path}`);
  }
  return 'get';
}

function notFound(): ApiError {
  return new ApiError(404, 'the server could not find the requested resource');
}

function notAllowed(method: string): ApiError {
  return new ApiError(405, `the server does not allow this method on the requested resource: ${method}`);
}
