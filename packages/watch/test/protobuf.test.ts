import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { httpTransport } from '../src/http.ts';
import type { ProtobufMessage } from '../src/index.ts';
import type { Transport } from '../src/transport.ts';
import type { Change, WatchOptions } from '../src/types.ts';
import { watch } from '../src/watch.ts';
import { kubeConfig } from './live.ts';

const fields = { spec: { podCIDRs: true } } as const;
const protobuf: ProtobufMessage = { spec: [2, { podCIDRs: [7, 'string', 'repeated'] }] };
const select = (object: unknown): string => (object as { spec: { podCIDRs: string[] } }).spec.podCIDRs.join();
const node = (name: string, podCIDR: string) => ({ metadata: { name }, spec: { podCIDRs: [podCIDR] } });

let server: ApiServer;
/** Content-Type of each response. */
let types: (string | undefined)[];
let stop: AbortController;
beforeEach(async () => {
  server = await startApiServer({ nodes: [node('n1', '10.0.1.0/24'), node('n2', '10.0.2.0/24')] });
  types = [];
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await server.close();
});

function changes(options: Partial<WatchOptions<string, unknown>> = {}): AsyncGenerator<Change<string>, void> {
  const http = httpTransport(kubeConfig(server.kubeconfig()));
  const transport: Transport = {
    get: async (...request) => {
      const answer = await http.get(...request);
      types.push(answer.contentType);
      return answer;
    },
  };
  return watch<string, unknown>({
    transport,
    path: '/api/v1/nodes',
    ...{ fields, protobuf, select, pageSize: 1, gatherMs: 1, signal: stop.signal },
    backoff: { initialMs: 1, maxMs: 2, healthyMs: 1000 },
    ...options,
  });
}

async function next(from: AsyncGenerator<Change<string>, void>): Promise<string> {
  const { value } = await from.next();
  if (value === undefined) {
    return 'end';
  }
  switch (value.type) {
    case 'synced':
      return [...value.objects].map((entry) => entry.join('=')).join(' ');
    case 'stale':
      return `stale: ${value.error.message}`;
    case 'fresh':
      return 'fresh';
    default:
      return `${value.type} ${value.name}=${value.object}`;
  }
}

const LIST = 'application/vnd.kubernetes.protobuf';
const WATCH = `${LIST};stream=watch`;
const JSON_TYPE = 'application/json';

test('watch() lists and watches in protobuf if the fields are described', async () => {
  const seen = changes();
  expect(await next(seen)).toBe('n1=10.0.1.0/24 n2=10.0.2.0/24');
  const added = next(seen);
  server.nodes.put(node('n3', '10.0.3.0/24'));
  expect(await added).toBe('added n3=10.0.3.0/24');
  server.nodes.put({ ...node('n1', '10.0.1.0/24'), metadata: { name: 'n1', labels: { a: 'b' } } });
  server.faults.bookmark();
  server.nodes.put(node('n2', '10.0.9.0/24'));
  expect(await next(seen)).toBe('modified n2=10.0.9.0/24');
  server.nodes.delete('n1');
  expect(await next(seen)).toBe('deleted n1=10.0.1.0/24');
  expect(types).toEqual([LIST, LIST, WATCH]);
});

test.each(['event', 'status'] as const)(
  'watch() lists again in protobuf when its history is gone, as %s',
  async (as) => {
    server.faults.gone(as);
    const seen = changes();
    expect(await next(seen)).toContain('n1');
    const modified = next(seen);
    server.nodes.put(node('n1', '10.0.7.0/24'));
    expect(await modified).toBe('modified n1=10.0.7.0/24');
    server.faults.compact();
    server.nodes.delete('n2');
    server.faults.compact();
    server.faults.dropWatches();
    const gone = await next(seen);
    expect(gone.startsWith('stale') ? await next(seen) : gone).toBe('deleted n2=10.0.2.0/24');
    expect(new Set(types)).toEqual(new Set([LIST, WATCH]));
  },
);

test('watch() reports the message of an error in protobuf', async () => {
  server.faults.failNext(1, 500);
  const seen = changes();
  expect(await next(seen)).toBe('stale: The API server answered 500: failNext() requested this failure');
  expect(await next(seen)).toBe('n1=10.0.1.0/24 n2=10.0.2.0/24');
  expect(types).toEqual([LIST, LIST, LIST]);
});

test('watch() falls back to JSON when protobuf is unreadable, without a change', async () => {
  const seen = changes();
  expect(await next(seen)).toContain('n1');
  const later = next(seen);
  server.nodes.put(node('n3', '10.0.3.0/24'));
  expect(await later).toBe('added n3=10.0.3.0/24');
  server.faults.garbageNext();
  server.nodes.put(node('n1', '10.0.8.0/24'));
  expect(await next(seen)).toBe('modified n1=10.0.8.0/24');
  expect(types.slice(0, 3)).toEqual([LIST, LIST, WATCH]);
  expect(new Set(types.slice(3))).toEqual(new Set(['application/json']));
});

test('watch() falls back to JSON when events that should be protobuf are JSON', async () => {
  const http = httpTransport(kubeConfig(server.kubeconfig()));
  const accepted: (string | undefined)[] = [];
  const transport: Transport = {
    get: async (path, signal, options) => {
      accepted.push(options?.accept);
      const isWatch = path.includes('watch=true');
      const answer = await http.get(path, signal, isWatch ? { ...options, accept: JSON_TYPE } : options);
      return isWatch && options?.accept !== JSON_TYPE ? { ...answer, contentType: WATCH } : answer;
    },
  };
  const seen = changes({ transport, pageSize: 0 });
  expect(await next(seen)).toContain('n1');
  const added = next(seen);
  server.nodes.put(node('n3', '10.0.3.0/24'));
  expect(await added).toBe('added n3=10.0.3.0/24');
  expect(accepted[1]).toContain(LIST);
  expect(accepted.slice(2)).toContain(JSON_TYPE);
});

test('watch() keeps protobuf after a truncated response', async () => {
  server.faults.truncateNext();
  const seen = changes();
  expect(await next(seen)).toContain('stale');
  expect(await next(seen)).toContain('n1=10.0.1.0/24');
  const modified = next(seen);
  expect(await modified).toBe('fresh');
  server.faults.truncateNext();
  server.nodes.put(node('n1', '10.0.8.0/24'));
  expect(await next(seen)).toBe('modified n1=10.0.8.0/24');
  expect(new Set(types)).toEqual(new Set([LIST, WATCH]));
});

test('watch() reads JSON from a server that has no protobuf of the resource', async () => {
  server.configMaps.put({ metadata: { name: 'c' } });
  const seen = changes({ path: '/api/v1/configmaps', select: () => 'c' });
  expect(await next(seen)).toBe('default/c=c');
  expect(types).toEqual(['application/json']);
});

test('watch() refuses protobuf whose fields differ from those of JSON', () => {
  expect(() => changes({ fields: { spec: true } })).toThrow('Invalid protobuf: expected the same fields');
});
