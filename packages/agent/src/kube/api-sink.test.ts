import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadKubeConfig } from './api.ts';
import { apiSink } from './api-sink.ts';
import type { EventSink } from './event-recorder.ts';

let server: ApiServer;
let dir: string;
let sink: EventSink;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-events-'));
  server = await startApiServer({
    rbacFile: fileURLToPath(new URL('../../../../deploy/base/rbac.yaml', import.meta.url)),
  });
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfig());
  sink = apiSink(await loadKubeConfig({ kubeconfig }, {}), 'n1');
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

const event = { key: 'rules', reason: 'PacketFilterFailed', message: 'No iptables' };

test('apiSink() creates and counts an Event that kubectl shows with the Node, with the permissions of the manifest', async () => {
  const name = await sink.create(event, Date.UTC(2026, 0, 1));
  expect(server.events.get(name, 'default')).toMatchObject({
    involvedObject: { kind: 'Node', name: 'n1', uid: 'n1' },
    type: 'Warning',
    reason: 'PacketFilterFailed',
    message: 'No iptables',
    firstTimestamp: '2026-01-01T00:00:00.000Z',
    count: 1,
  });
  expect(await sink.repeat(name, { ...event, message: 'Still none' }, 2, Date.UTC(2026, 0, 2))).toBe(true);
  expect(server.events.get(name, 'default')).toMatchObject({
    message: 'Still none',
    firstTimestamp: '2026-01-01T00:00:00.000Z',
    lastTimestamp: '2026-01-02T00:00:00.000Z',
    count: 2,
  });
});

test('repeat() of apiSink() returns false for an expired Event and rejects on other errors', async () => {
  const name = await sink.create(event, Date.UTC(2026, 0, 3));
  server.events.delete(name, 'default');
  expect(await sink.repeat(name, event, 2, Date.UTC(2026, 0, 4))).toBe(false);
  server.faults.failNext(1, 500, { verb: 'patch' });
  await expect(sink.repeat(name, event, 2, Date.UTC(2026, 0, 4))).rejects.toMatchObject({ status: 500 });
});
