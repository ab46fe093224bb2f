/** /healthz, /readyz and /metrics on the node itself. */
import { createServer, type Server } from 'node:http';
import type { Metrics } from './metrics.ts';
import type { Problem } from './model.ts';

export interface HealthParts {
  ready: () => boolean;
  problems: () => Iterable<Problem>;
  metrics: Metrics;
}

/** Listens; rejects when it cannot. */
export function serveHealth(
  { host, port }: { host: string; port: number },
  parts: HealthParts,
): Promise<Server> {
  const server = createServer((request, response) => {
    const { status, body } = answer(request.url ?? '', parts);
    response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
  });
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, host, () => done(server));
  });
}

/** That it answers at all is what /healthz says; /readyz is about the node's data path, and lists what is wrong. */
function answer(url: string, { ready, problems, metrics }: HealthParts): { status: number; body: string } {
  switch (url.split('?')[0]) {
    case '/healthz':
      return { status: 200, body: 'ok\n' };
    case '/readyz': {
      const list = [...problems()].map(({ message }) => `${message}\n`).join('');
      return ready()
        ? { status: 200, body: `ok\n${list}` }
        : { status: 503, body: `The data path is not programmed yet\n${list}` };
    }
    case '/metrics':
      return { status: 200, body: metrics.text() };
    default:
      return { status: 404, body: 'There are /healthz, /readyz and /metrics\n' };
  }
}
