/** The server: TLS listener, state and controls. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { stringify } from 'yaml';
import { Faults } from './faults.ts';
import { handle, type RequestLog } from './handler.ts';
import { Lists } from './list.ts';
import { type Authorizer, allowAll, parseRbac } from './rbac.ts';
import { findResource, type KubeObject, keyOf, type ResourceType } from './resources.ts';
import { Store } from './store.ts';
import { makeCa, makeServerCertificate } from './tls.ts';
import type { WatchStream } from './watch.ts';

export interface ApiServerOptions {
  /**
   * Address to listen on and to use in the URL.
   *
   * @default '127.0.0.1'
   */
  host?: string;
  /**
   * Port to listen on.
   *
   * @default a free one, kept across stop() and start()
   */
  port?: number;
  /** Additional addresses and names in the certificate. */
  names?: readonly string[];
  /** YAML file with ServiceAccount, roles and bindings. Without it the token may do everything. */
  clusterRoleFile?: string;
  nodes?: readonly KubeObject[];
  /**
   * Interval between bookmarks, ms.
   *
   * @default 60_000, as on the real server
   */
  bookmarkIntervalMs?: number;
}

/** Objects of one resource, changed as by another API client. */
export interface ObjectControl {
  /** Creates or replaces an object and returns it with uid and resourceVersion. */
  put(object: KubeObject): KubeObject;
  /** @throws {ApiError} 404 when the object does not exist */
  delete(name: string, namespace?: string): void;
  get(name: string, namespace?: string): KubeObject | undefined;
  list(): KubeObject[];
}

export interface ApiServer {
  url: string;
  port: number;
  /** PEM of the CA that signed the certificate; changes with rotateCertificate({ newCa: true }). */
  readonly caCert: string;
  /** The currently accepted bearer token. */
  readonly token: string;
  /** A kubeconfig as YAML; with tokenFile the client reads the token from that file. */
  kubeconfig(options?: { tokenFile?: string; caFile?: string }): string;
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
  close(): Promise<void>;
}

/** Starts an API server; the promise resolves when it listens. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const host = options.host ?? '127.0.0.1';
  const names = [host, ...(options.names ?? []), 'localhost', 'kubernetes.default.svc'];
  const authorizer: Authorizer =
    options.clusterRoleFile === undefined
      ? allowAll
      : parseRbac(readFileSync(options.clusterRoleFile, 'utf8'));
  let ca = makeCa();
  let certificate = makeServerCertificate(ca, names);
  let token = randomBytes(16).toString('hex');

  const store = new Store();
  const streams = new Set<WatchStream>();
  const faults = new Faults(streams, () => store.compact());
  const requests: RequestLog[] = [];
  const context = {
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

  const nodes = objectControl(store, findResource('', 'v1', 'nodes')!);
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
    nodes,
    configMaps: objectControl(store, findResource('', 'v1', 'configmaps')!),
    events: objectControl(store, findResource('', 'v1', 'events')!),
    namespaces: objectControl(store, findResource('', 'v1', 'namespaces')!),
    pods: objectControl(store, findResource('', 'v1', 'pods')!),
    networkPolicies: objectControl(store, findResource('networking.k8s.io', 'v1', 'networkpolicies')!),
    faults,
    requests,
    rotateToken: () => {
      token = randomBytes(16).toString('hex');
      return token;
    },
    rotateCertificate: async ({ newCa = false } = {}) => {
      if (newCa) {
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

function objectControl(store: Store, resource: ResourceType): ObjectControl {
  return {
    put: (object) => store.put(resource, structuredClone(object)).object,
    delete: (name, namespace) => void store.delete(resource, keyOf(namespace, name)),
    get: (name, namespace) => store.get(resource, keyOf(namespace, name))?.object,
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
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'testing', cluster: { server, ...authority } }],
    users: [{ name: 'agent', user }],
    contexts: [{ name: 'testing', context: { cluster: 'testing', user: 'agent', namespace } }],
    'current-context': 'testing',
  });
}
