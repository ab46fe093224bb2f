/**
 * An API server that only lists and watches Nodes. It encodes everything before, so that its own work does not limit the
 * rate of heartbeats. A message of its parent is a number of seconds of heartbeats to send.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  encodeEvent,
  encodeList,
  encodeObject,
  PROTOBUF,
  wantsProtobuf,
} from '../../../packages/apiserver-fake/src/protobuf/envelope.ts';
import { Resources } from '../../../packages/apiserver-fake/src/resources.ts';
import { makeCa, makeServerCertificate } from '../../../packages/apiserver-fake/src/tls.ts';
import { nodeObject } from '../agent/cluster.ts';

/** Messages to the parent: where the server listens, then the time that heartbeats took, ms. */
export type Report = { caCert: string; port: number } | { sentMs: number };

const [count = 0, perSecond = 0] = process.argv.slice(2).map(Number);
/** At most as many at once. */
const BURST = 50;
const FIRST = 1_000_000;
/** Stands for the resourceVersion, which has as many digits. */
const VERSION = '7777777';

const resource = new Resources().named('nodes');
const nodes = Array.from({ length: count }, (_, i) => {
  const { metadata, ...more } = nodeObject(i + 1);
  const { name, ...rest } = metadata;
  const identity = {
    name,
    uid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    resourceVersion: String(FIRST + i),
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  return { kind: 'Node', apiVersion: 'v1', metadata: { ...identity, ...rest }, ...more };
});
const metadata = { resourceVersion: String(FIRST + count) };
const items = nodes.map((node) => JSON.stringify(node));
const lists = {
  json: `{"kind":"NodeList","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[${items.join(',')}]}`,
  protobuf: encodeList(resource, metadata, items),
};
const events = nodes.map((node) => {
  const beat = structuredClone(node);
  beat.metadata.resourceVersion = VERSION;
  for (const condition of beat.status.conditions) {
    condition.lastHeartbeatTime = '2026-01-02T00:00:00Z';
  }
  return {
    json: patchable(Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object: beat })}\n`)),
    protobuf: patchable(encodeEvent('MODIFIED', encodeObject(resource, beat))),
  };
});

function patchable(bytes: Buffer): { bytes: Buffer; at: number } {
  return { bytes, at: bytes.indexOf(VERSION) };
}

const ca = makeCa();
const { cert, key } = makeServerCertificate(ca, ['127.0.0.1']);
let version = FIRST + count;
let next = 0;
const server = createServer({ cert, key }, (request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'https://server');
  const form = wantsProtobuf(request.headers.accept, resource) ? 'protobuf' : 'json';
  const type = form === 'json' ? 'application/json' : PROTOBUF;
  if (pathname !== '/api/v1/nodes') {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  } else if (searchParams.get('watch') === 'true') {
    response.writeHead(200, { 'content-type': form === 'json' ? type : `${type};stream=watch` });
    response.flushHeaders();
    const send = (seconds: number): void => beats(seconds, form, (bytes) => response.write(bytes));
    process.on('message', send);
    response.on('close', () => process.off('message', send));
  } else {
    response.writeHead(200, { 'content-type': type }).end(lists[form]);
  }
}).listen(0, '127.0.0.1', () => report({ caCert: ca.cert, port: (server.address() as AddressInfo).port }));

function report(what: Report): void {
  process.send!(what);
}

function beats(seconds: number, form: 'json' | 'protobuf', write: (bytes: Buffer) => void): void {
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(seconds * perSecond, ((performance.now() - started) / 1000) * perSecond);
    for (let burst = 0; sent + 1 <= due && burst < BURST; burst++) {
      const { bytes, at } = events[next++ % count]![form];
      bytes.write(String(++version), at, 'latin1');
      write(Buffer.from(bytes));
      sent++;
    }
    if (sent === seconds * perSecond) {
      clearInterval(timer);
      report({ sentMs: performance.now() - started });
    }
  }, 1);
}
