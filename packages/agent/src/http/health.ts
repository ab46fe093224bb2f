/** Serves /healthz, /readyz, /metrics, /status and profiles on the node. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Metrics } from '../core/metrics.ts';
import type { Problem } from '../core/problem.ts';
import { cpuProfile, heapSnapshot, MAX_PROFILE_SECONDS } from './profile.ts';

export interface HealthDeps {
  /** Returns the readiness of this node, with the reason when it is not ready. */
  readiness: () => { ready: boolean; reason?: string | undefined };
  problems: () => Iterable<Problem>;
  metrics: Metrics;
  /** Returns the JSON value of /status. */
  status?: () => unknown;
  warn?: (message: string) => void;
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const JSON_TYPE = 'application/json';

/**
 * Starts the server.
 *
 * @throws {Error} when it cannot listen
 */
export function serveHealth(
  { host, port }: { host: string; port: number },
  deps: HealthDeps,
): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, response, deps).catch((error: Error) => send(response, 500, `${error.message}\n`));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      // A connection that cannot be accepted, for want of file descriptors, ends nothing.
      server.on('error', ({ message }) => deps.warn?.(`Cannot accept a health check: ${message}`));
      resolve(server);
    });
  });
}

function send(response: ServerResponse, status: number, body: string, type = TEXT): void {
  if (!response.headersSent) {
    response.writeHead(status, { 'content-type': type });
  }
  response.end(body);
}

/** /healthz reports that the process runs. /readyz reports what STATUS of the plugin returns, and lists all problems. */
async function answer(request: IncomingMessage, response: ServerResponse, deps: HealthDeps): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://agent');
  switch (url.pathname) {
    case '/healthz':
      return send(response, 200, 'ok\n');
    case '/readyz': {
      const list = [...deps.problems()].map(({ message }) => `${message}\n`).join('');
      const { ready, reason } = deps.readiness();
      return ready
        ? send(response, 200, `ok\n${list}`)
        : send(response, 503, `${reason ?? 'Not ready'}\n${list}`);
    }
    case '/metrics':
      return send(response, 200, deps.metrics.text());
    case '/status':
      return send(response, 200, `${JSON.stringify(deps.status?.() ?? {})}\n`, JSON_TYPE);
    case '/debug/cpu-profile':
    case '/debug/heap-snapshot':
      return debug(url, request, response);
    default:
      return send(response, 404, 'Not found: use /healthz, /readyz, /metrics or /status\n');
  }
}

/**
 * Serves profiles, which cost time and expose internals, to clients on this node only, for any address
 * of the server.
 */
async function debug(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isLoopback(request.socket.remoteAddress)) {
    return send(response, 403, 'Profiles are served on the loopback interface only\n');
  }
  if (url.pathname === '/debug/heap-snapshot') {
    response.writeHead(200, { 'content-type': JSON_TYPE });
    pipeline(await heapSnapshot(), response, () => undefined);
    return;
  }
  const seconds = Number(url.searchParams.get('seconds') ?? 10);
  if (!(seconds > 0 && seconds <= MAX_PROFILE_SECONDS)) {
    return send(response, 400, `seconds must be above 0 and at most ${MAX_PROFILE_SECONDS}\n`);
  }
  const profile = await cpuProfile(seconds);
  if (profile === undefined) {
    return send(response, 409, 'Another profile is running\n');
  }
  send(response, 200, profile, JSON_TYPE);
}

function isLoopback(address = ''): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}
