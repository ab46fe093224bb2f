/** The server: TLS listener, state and controls. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { checkKeys } from './check-keys.ts';
import { ActiveFaults, type Faults } from './faults.ts';
import { handle, type RequestLog } from './handler.ts';
import { Lists } from './list.ts';
import { type Authorizer, allowAll, parseManifests, type RbacObject, rbacAuthorizer } from './rbac.ts';
import {
  type KubeObject,
  keyOf,
  type ResourceDefinition,
  Resources,
  type ResourceType,
} from './resources.ts';
import { Store } from './store.ts';
import { makeCa, makeServerCertificate } from './tls.ts';
import type { WatchStream } from './watch.ts';

/** Options of {@link startApiServer}. */
export interface ApiServerOptions {
  /**
   * Address to listen on and to use in the URL.
   *
   * @default '127.0.0.1'
   */
  host?: string | undefined;
  /**
   * Port to listen on. It stays across stop() and start().
   *
   * @default a free one
   */
  port?: number | undefined;
  /** Additional addresses and names in the certificate. */
  names?: readonly string[] | undefined;
  /** Custom resources to serve besides those of Kubernetes. */
  resources?: readonly ResourceDefinition[] | undefined;
  /** Objects that exist at the start, each with apiVersion and kind. */
  objects?: readonly KubeObject[] | undefined;
  /** Nodes that exist at the start. */
  nodes?: readonly KubeObject[] | undefined;
  /** Roles, ClusterRoles and bindings that limit the token. Without them and `rbacFile` the token may do everything. */
  rbac?: readonly RbacObject[] | undefined;
  /** YAML file with such objects, in addition to `rbac`. */
  rbacFile?: string | undefined;
  /**
   * User of the token.
   *
   * @default the first ServiceAccount that a binding names
   */
  user?: string | undefined;
  /**
   * Interval between bookmarks, ms.
   *
   * @default 60_000, as on the real server
   */
  bookmarkIntervalMs?: number | undefined;
}

/** Objects of one resource, changed as by another API client. The namespace is `default` unless given. */
export interface ObjectControl {
  /**
   * Creates or replaces an object and returns it with uid and resourceVersion.
   *
   * @throws {TypeError} when the object has no name
   */
  put(object: KubeObject): KubeObject;
  /**
   * Deletes an object.
   *
   * @throws {ApiError} 404 when the object does not exist
   */
  delete(name: string, namespace?: string): void;
  /** Returns an object, or undefined when it does not exist. */
  get(name: string, namespace?: string): KubeObject | undefined;
  /** Returns all objects of all namespaces, in the order of namespace and name. */
  list(): KubeObject[];
}

/** A running server. */
export interface ApiServer {
  url: string;
  port: number;
  /** PEM of the CA that signed the certificate; changes with rotateCertificate({ newCa: true }). */
  readonly caCert: string;
  /** The currently accepted bearer token. */
  readonly token: string;
  /** Returns a kubeconfig as YAML. With `tokenFile` the client reads the token from that file. */
  kubeconfig(options?: { tokenFile?: string; caFile?: string }): string;
  /**
   * Returns the objects of a resource: `pods`, `deployments.apps`, `widgets.example.com`.
   *
   * @throws {Error} when the server does not serve the resource
   */
  resource(name: string): ObjectControl;
  nodes: ObjectControl;
  configMaps: ObjectControl;
  events: ObjectControl;
  namespaces: ObjectControl;
  pods: ObjectControl;
  networkPolicies: ObjectControl;
  faults: Faults;
  /** All requests since the start, oldest first. */
  requests: RequestLog[];
  /** Number of open watches. */
  readonly openWatches: number;
  /** Revokes the token and returns a new one. */
  rotateToken(): string;
  /** Uses a new certificate for new connections; open ones continue. */
  rotateCertificate(options?: { newCa?: boolean }): Promise<void>;
  /** Breaks every connection and refuses new ones. */
  stop(): Promise<void>;
  /** Listens again on the same port. */
  start(): Promise<void>;
  /** Ends the server. */
  close(): Promise<void>;
}

/**
 * Starts an API server; the promise resolves when it listens.
 *
 * @throws {TypeError} for an unknown option
 */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  checkKeys<keyof ApiServerOptions>('options', options, {
    host: true,
    port: true,
    names: true,
    resources: true,
    objects: true,
    nodes: true,
    rbac: true,
    rbacFile: true,
    user: true,
    bookmarkIntervalMs: true,
  });
  const host = options.host ?? '127.0.0.1';
  const names = [host, ...(options.names ?? []), 'localhost', 'kubernetes.default.svc'];
  const authorizer = authorizerOf(options);
  const resources = new Resources(options.resources);
  let ca = makeCa();
  let certificate = makeServerCertificate(ca, names);
  let token = randomBytes(16).toString('hex');

  const store = new Store();
  const streams = new Set<WatchStream>();
  const faults = new ActiveFaults(streams, () => store.compact());
  const requests: RequestLog[] = [];
  const context = {
    resources,
    store,
    faults,
    lists: new Lists(store, faults),
    watches: { store, faults, streams, bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000 },
    authorizer,
    token: () => token,
    log: requests,
  };
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (request, response) => {
    void handle(request, response, context);
  });
  // A client may disconnect in the middle of a handshake.
  server.on('tlsClientError', () => {});
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  const resource = (name: string): ObjectControl => objectControl(store, resources.named(name));
  const nodes = resource('nodes');
  for (const object of options.objects ?? []) {
    objectControl(store, resources.ofObject(object)).put(object);
  }
  for (const node of options.nodes ?? []) {
    nodes.put(node);
  }
  const port = await listen(server, host, options.port ?? 0);
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const stop = (): Promise<void> => {
    const closed = new Promise<void>((done) => (server.listening ? server.close(() => done()) : done()));
    for (const socket of sockets) {
      socket.destroy();
    }
    return closed;
  };
  return {
    url,
    port,
    get caCert() {
      return ca.cert;
    },
    get token() {
      return token;
    },
    get openWatches() {
      return streams.size;
    },
    kubeconfig: (files = {}) => kubeconfig(url, ca.cert, token, authorizer.namespace, files),
    resource,
    nodes,
    configMaps: resource('configmaps'),
    events: resource('events'),
    namespaces: resource('namespaces'),
    pods: resource('pods'),
    networkPolicies: resource('networkpolicies'),
    faults,
    requests,
    rotateToken: () => {
      token = randomBytes(16).toString('hex');
      return token;
    },
    rotateCertificate: async (how = {}) => {
      checkKeys<'newCa'>('options', how, { newCa: true });
      if (how.newCa === true) {
        ca = makeCa();
      }
      certificate = makeServerCertificate(ca, names);
      server.setSecureContext({ cert: certificate.cert, key: certificate.key });
    },
    stop,
    start: async () => {
      await listen(server, host, port);
    },
    close: stop,
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, host, () => {
      server.removeListener('error', fail);
      done((server.address() as AddressInfo).port);
    });
  });
}

function authorizerOf({ rbac, rbacFile, user }: ApiServerOptions): Authorizer {
  if (rbac === undefined && rbacFile === undefined) {
    return allowAll(user);
  }
  const fromFile = rbacFile === undefined ? [] : parseManifests(readFileSync(rbacFile, 'utf8'));
  return rbacAuthorizer([...(rbac ?? []), ...fromFile], user);
}

function objectControl(store: Store, resource: ResourceType): ObjectControl {
  const key = (name: string, namespace = 'default'): string =>
    keyOf(resource.namespaced ? namespace : undefined, name);
  return {
    put(object) {
      const { metadata, ...rest } = structuredClone(object);
      if (typeof metadata?.name !== 'string' || metadata.name === '') {
        throw new TypeError(`A ${resource.kind} needs metadata.name`);
      }
      const { namespace = 'default', ...others } = metadata;
      const stored = resource.namespaced ? { ...others, namespace } : others;
      return store.put(resource, { ...rest, metadata: stored }).object;
    },
    delete: (name, namespace) => void store.delete(resource, key(name, namespace)),
    get: (name, namespace) => store.get(resource, key(name, namespace))?.object,
    list: () => store.all(resource).map((stored) => stored.object),
  };
}

function kubeconfig(
  server: string,
  caCert: string,
  token: string,
  namespace: string,
  files: { tokenFile?: string; caFile?: string },
): string {
  const authority =
    files.caFile === undefined
      ? { 'certificate-authority-data': Buffer.from(caCert).toString('base64') }
      : { 'certificate-authority': files.caFile };
  const user =
    files.tokenFile === undefined
      ? { token }
      : { 'auth-provider': { name: 'tokenFile', config: { tokenFile: files.tokenFile } } };
  // JSON is YAML.
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'testing', cluster: { server, ...authority } }],
    users: [{ name: 'agent', user }],
    contexts: [{ name: 'testing', context: { cluster: 'testing', user: 'agent', namespace } }],
    'current-context': 'testing',
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
