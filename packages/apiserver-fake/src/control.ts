/**
 * Remote control from another process or network namespace: JSON over HTTP on a loopback port or a unix socket, which
 * network namespaces do not isolate.
 */
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { KubeObject } from './resources.ts';
import type { ApiServer, ObjectControl } from './server.ts';

/** Fault methods that clients may call. */
const CALLS = [
  'dropWatches',
  'stallWatches',
  'stallRequests',
  'compact',
  'bookmark',
  'failNext',
  'garbageNext',
  'truncateNext',
  'duplicateEvents',
  'reorderEvents',
  'replayEvents',
  'gone',
  'ignoreListLimit',
  'delay',
  'clear',
] as const;

const OBJECT_CALLS: readonly string[] = ['put', 'delete', 'get', 'list'] satisfies (keyof ObjectControl)[];

/** Address of the control port: the path of a unix socket or a port on 127.0.0.1. */
export type ControlAddress = string | number;

/** A control port that listens. */
export interface ControlPort {
  /** Breaks its connections and stops listening. */
  close(): Promise<void>;
}

/** Serves the control port; the promise resolves when it listens. */
export async function serveControl(server: ApiServer, address: ControlAddress): Promise<ControlPort> {
  const control = createServer((request, response) => {
    run(server, request).then(
      (result) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result ?? null)),
      (error: Error) => response.writeHead(400).end(error.message),
    );
  });
  await new Promise<void>((done, fail) => {
    control.once('error', fail);
    if (typeof address === 'string') {
      control.listen(address, done);
    } else {
      control.listen(address, '127.0.0.1', done);
    }
  });
  return {
    close: () =>
      new Promise((done) => {
        control.close(() => done());
        control.closeAllConnections();
      }),
  };
}

async function run(server: ApiServer, request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
  }
  const { call, args } = JSON.parse(text) as { call: string; args: unknown[] };
  if (OBJECT_CALLS.includes(call)) {
    const objects = server.resource(String(args[0]));
    return (objects[call as keyof ObjectControl] as (...a: unknown[]) => unknown)(...args.slice(1));
  }
  const [area, verb] = call.split('.') as [string, string | undefined];
  if (area === 'faults' && (CALLS as readonly (string | undefined)[]).includes(verb)) {
    const { faults } = server;
    return (faults[verb as (typeof CALLS)[number]] as (...a: unknown[]) => unknown).apply(faults, args);
  }
  switch (call) {
    case 'info':
      return { url: server.url, port: server.port, caCert: server.caCert, token: server.token };
    case 'openWatches':
      return server.openWatches;
    case 'requests':
      return server.requests;
    case 'kubeconfig':
      return server.kubeconfig(args[0] as { tokenFile?: string });
    case 'rotateToken':
      return server.rotateToken();
    case 'rotateCertificate':
      return server.rotateCertificate(args[0] as { newCa?: boolean });
    case 'stop':
      return server.stop();
    case 'start':
      return server.start();
    default:
      throw new Error(`No such control call: ${call}`);
  }
}

/** Client side of a control port; every call returns a promise. */
export interface ControlClient {
  /**
   * Calls a method by name: `call('faults.failNext', 2, 503)`, `call('rotateToken')`, `call('put', 'pods', pod)`,
   * `call('get', 'pods', 'a', 'default')`.
   *
   * @throws {Error} when the call fails; the message is the server's
   */
  call<R = unknown>(name: string, ...args: unknown[]): Promise<R>;
  nodes: {
    /** Creates or replaces a Node. */
    put(node: KubeObject): Promise<KubeObject>;
    /** Deletes a Node. */
    delete(name: string): Promise<void>;
    /** Returns a Node, or null when it does not exist. */
    get(name: string): Promise<KubeObject | null>;
    /** Returns all Nodes. */
    list(): Promise<KubeObject[]>;
  };
}

/** Returns a client for the control port at this address. It keeps no connection open. */
export function controlClient(address: ControlAddress): ControlClient {
  const where = typeof address === 'string' ? { socketPath: address } : { host: '127.0.0.1', port: address };
  const call = <R>(name: string, ...args: unknown[]): Promise<R> =>
    new Promise((done, fail) => {
      const request = httpRequest({ ...where, method: 'POST', agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', fail).on('end', () => {
          if (response.statusCode === 200) {
            done(JSON.parse(text) as R);
          } else {
            fail(new Error(text));
          }
        });
      });
      request.on('error', fail).end(JSON.stringify({ call: name, args }));
    });
  return {
    call,
    nodes: {
      put: (node) => call('put', 'nodes', node),
      delete: (name) => call('delete', 'nodes', name),
      get: (name) => call('get', 'nodes', name),
      list: () => call('list', 'nodes'),
    },
  };
}
