/** Handles one request from authentication to response. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ActiveFaults } from './faults.ts';
import type { Lists } from './list.ts';
import { encodeList, encodeObject, wantsProtobuf } from './protobuf/envelope.ts';
import type { Attributes, Authorizer } from './rbac.ts';
import {
  apiVersionOf,
  type KubeObject,
  qualifiedName,
  type Resources,
  type ResourceType,
} from './resources.ts';
import { sendJson, sendPieces, sendStatus } from './respond.ts';
import { discovery, parseRoute, type Route } from './route.ts';
import { fieldSelector, labelSelector } from './selectors.ts';
import { ApiError } from './status.ts';
import type { Store } from './store.ts';
import {
  parseInitialEvents,
  parseTimeout,
  type WatchContext,
  type WatchRequest,
  WatchStream,
} from './watch.ts';
import { existing, write } from './write.ts';

const BODY_LIMIT = 3 * 1024 * 1024;

/** A request that the server received. */
export interface RequestLog {
  method: string;
  /** Path and query. */
  url: string;
  /** `list`, `watch`, `get`, `patch`...; empty when the path is unknown. */
  verb: string;
  /** 0 while unanswered. */
  status: number;
  userAgent: string;
}

export interface HandlerContext {
  resources: Resources;
  store: Store;
  lists: Lists;
  faults: ActiveFaults;
  watches: WatchContext;
  authorizer: Authorizer;
  /** The only accepted bearer token. */
  token: () => string;
  log: RequestLog[];
}

export async function handle(request: IncomingMessage, response: ServerResponse, context: HandlerContext) {
  const method = request.method ?? 'GET';
  const entry: RequestLog = {
    method,
    url: request.url ?? '/',
    verb: '',
    status: 0,
    userAgent: request.headers['user-agent'] ?? '',
  };
  context.log.push(entry);
  response.on('close', () => {
    if (response.headersSent) {
      entry.status = response.statusCode;
    }
  });
  let protobuf = false;
  try {
    const url = new URL(entry.url, 'https://server');
    const route = parse(method, url, request, context);
    entry.verb = route.verb;
    protobuf = route.kind === 'resource' && wantsProtobuf(request.headers.accept, route.resource);
    if (await intercepted(response, route, context.faults)) {
      return;
    }
    authorize(route, url.searchParams, context.authorizer);
    await answer({ route, url, request, protobuf }, response, context);
  } catch (error) {
    const known =
      error instanceof ApiError ? error : new ApiError(500, String((error as Error).message ?? error));
    sendStatus(response, known.toStatus(), protobuf);
  }
}

/** Authenticates before revealing whether a path exists, except for public paths. */
function parse(method: string, url: URL, request: IncomingMessage, context: HandlerContext): Route {
  const known = request.headers.authorization === `Bearer ${context.token()}`;
  try {
    const route = parseRoute(method, url, context.resources);
    if (!known && route.kind !== 'public') {
      throw new ApiError(401, 'Unauthorized');
    }
    return route;
  } catch (error) {
    throw known ? error : new ApiError(401, 'Unauthorized');
  }
}

async function intercepted(response: ServerResponse, route: Route, faults: ActiveFaults): Promise<boolean> {
  if (faults.stalled) {
    return true;
  }
  if (faults.delayMs > 0) {
    await new Promise((done) => setTimeout(done, faults.delayMs));
  }
  const failure = faults.takeFailure(route.verb);
  if (failure === undefined) {
    return false;
  }
  for (const [name, value] of Object.entries(failure.headers)) {
    response.setHeader(name, value);
  }
  throw new ApiError(failure.status, 'failNext() requested this failure');
}

function authorize(route: Route, query: URLSearchParams, authorizer: Authorizer): void {
  if (route.kind !== 'resource') {
    return;
  }
  const resource = route.resource.plural + (route.subresource === undefined ? '' : `/${route.subresource}`);
  const { verb } = route;
  // Attributes as kube-apiserver derives them: a list of one name has that name, and a Namespace lies in itself.
  const name = route.name ?? /^metadata\.name==?([^,]+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
  const namespace = qualifiedName(route.resource) === 'namespaces' ? name : route.namespace;
  if (authorizer.allows({ verb, group: route.resource.group, resource, namespace, name })) {
    return;
  }
  const what = `${qualifiedName(route.resource)}${name === undefined ? '' : ` "${name}"`}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  throw new ApiError(
    403,
    `${what} is forbidden: User "${authorizer.user}" cannot ${verb} resource "${resource}" in API group "${route.resource.group}" ${where}`,
    { details: { name, group: route.resource.group || undefined, kind: route.resource.plural } },
  );
}

interface Routed {
  route: Route;
  url: URL;
  request: IncomingMessage;
  /** The client prefers protobuf, and the resource has it. */
  protobuf: boolean;
}

async function answer(
  { route, url, request, protobuf }: Routed,
  response: ServerResponse,
  context: HandlerContext,
): Promise<void> {
  const { store, faults } = context;
  switch (route.kind) {
    case 'public':
      if (route.path === '/version') {
        return sendJson(
          response,
          200,
          '{"major":"1","minor":"33","gitVersion":"v1.33.0-cnikit-testing"}',
          faults,
        );
      }
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
      return;
    case 'discovery':
      return sendJson(response, 200, JSON.stringify(discovery(route.path, context.resources)), faults);
    case 'accessReview':
      return sendJson(
        response,
        201,
        JSON.stringify(review(await readJson(request), context.authorizer)),
        faults,
      );
  }
  const { resource, namespace, name, verb } = route;
  if (verb === 'get') {
    const { object, json } = existing(store, resource, namespace, name!);
    return sendPieces(response, [protobuf ? encodeObject(resource, object) : json], faults, protobuf);
  }
  if (verb === 'list' || verb === 'watch' || verb === 'deletecollection') {
    const byField = fieldSelector(url.searchParams.get('fieldSelector'), resource);
    const byLabel = labelSelector(url.searchParams.get('labelSelector'));
    const matches = (object: KubeObject): boolean =>
      (namespace === undefined || object.metadata.namespace === namespace) &&
      byField(object) &&
      byLabel(object);
    if (verb === 'deletecollection') {
      const gone = store.all(resource).filter(({ object }) => matches(object));
      for (const { key } of gone) {
        store.delete(resource, key);
      }
      const items = gone.map(({ object }) => object);
      return sendJson(response, 200, JSON.stringify(listOf(resource, store.rv, items)), faults);
    }
    if (verb === 'list') {
      const { metadata, head, items } = context.lists.page(resource, matches, url.searchParams);
      const pieces = protobuf
        ? [encodeList(resource, metadata, items)]
        : [head, ...items.flatMap((i, at) => (at === 0 ? [i] : [',', i])), ']}'];
      return sendPieces(response, pieces, faults, protobuf);
    }
    startWatch(url.searchParams, { resource, matches, protobuf }, response, context);
    return;
  }
  const contentType = request.headers['content-type'] ?? 'application/json';
  const body = verb === 'delete' ? undefined : await readJson(request);
  const written = write(store, { ...route, contentType, body });
  sendJson(response, written.status, written.json, faults);
}

function listOf(resource: ResourceType, rv: number, items: readonly KubeObject[]): unknown {
  const metadata = { resourceVersion: String(rv) };
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items };
}

function startWatch(
  query: URLSearchParams,
  wanted: Pick<WatchRequest, 'resource' | 'matches' | 'protobuf'>,
  response: ServerResponse,
  context: HandlerContext,
): void {
  const resourceVersion = query.get('resourceVersion');
  if (!/^\d*$/.test(resourceVersion ?? '')) {
    throw new ApiError(400, `Invalid value: "${resourceVersion}": resourceVersion must be a number`);
  }
  const initialEvents = parseInitialEvents(query);
  const timeoutSeconds = parseTimeout(query.get('timeoutSeconds'));
  const bookmarks = query.get('allowWatchBookmarks') === 'true';
  new WatchStream(
    { ...wanted, resourceVersion, timeoutSeconds, bookmarks, initialEvents },
    response,
    context.watches,
  ).start();
}

/** Answers a SelfSubjectAccessReview, which every authenticated user may create. */
function review(body: unknown, authorizer: Authorizer): unknown {
  const spec = (body as { spec?: { resourceAttributes?: Partial<Record<string, string>> } }).spec;
  const wanted = spec?.resourceAttributes;
  if (wanted === undefined) {
    throw new ApiError(422, 'spec.resourceAttributes: Required value');
  }
  const attributes: Attributes = {
    verb: wanted.verb ?? '',
    group: wanted.group ?? '',
    resource: (wanted.resource ?? '') + (wanted.subresource ? `/${wanted.subresource}` : ''),
    namespace: wanted.namespace,
    name: wanted.name,
  };
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: {},
    spec,
    status: { allowed: authorizer.allows(attributes) },
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) {
      throw new ApiError(413, 'Request entity too large', { reason: 'RequestEntityTooLarge' });
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new ApiError(400, `error decoding the request body: ${(error as Error).message}`);
  }
}
