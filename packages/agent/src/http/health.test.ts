import type { AddressInfo } from 'node:net';
import { sys } from '@cnikit/sys';
import { afterEach, expect, test } from 'vitest';
import { Metrics } from '../core/metrics.ts';
import { problem } from '../core/problem.ts';
import { serveHealth } from './health.ts';

const closing: Array<() => void> = [];
afterEach(() => {
  for (const close of closing.splice(0)) {
    close();
  }
});

test('serveHealth() distinguishes alive from ready, and serves metrics', async () => {
  const metrics = new Metrics();
  let ready = false;
  const problems = [problem('own-node', 'n1', 'Node n1 has no podCIDR')];
  const server = await serveHealth(
    { host: '127.0.0.1', port: 0 },
    {
      readiness: () => (ready ? { ready } : { ready, reason: 'The rules are missing' }),
      problems: () => problems,
      metrics,
    },
  );
  closing.push(() => server.close());
  const get = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    return [answer.status, await answer.text()];
  };
  expect(await get('/healthz')).toEqual([200, 'ok\n']);
  expect(await get('/readyz')).toEqual([503, 'The rules are missing\nNode n1 has no podCIDR\n']);
  ready = true;
  expect((await get('/readyz'))[0]).toBe(200);
  metrics.add('resyncs');
  metrics.set('routes', 4);
  const [, text] = await get('/metrics');
  expect(text).toContain('# TYPE cnikit_agent_resyncs_total counter\ncnikit_agent_resyncs_total 1\n');
  expect(text).toContain('\ncnikit_agent_routes 4\n');
  expect((await get('/'))[0]).toBe(404);
});

test('serveHealth() goes on when connections cannot be accepted', async () => {
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const deps = { readiness: () => ({ ready: true }), problems: () => [], metrics: new Metrics(), warn };
  const server = await serveHealth({ host: '127.0.0.1', port: 0 }, deps);
  closing.push(() => server.close());
  for (let i = 0; i < 2; i++) {
    server.emit('error', new Error('accept EMFILE'));
  }
  expect(warnings).toEqual(new Array(2).fill('Cannot accept a health check: accept EMFILE'));
  const { port } = server.address() as AddressInfo;
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

test('serveHealth() serves profiles on demand, bounded in time and one at a time', async () => {
  const deps = {
    readiness: () => ({ ready: true }),
    problems: () => [],
    metrics: new Metrics(),
    status: () => ({ a: 1 }),
  };
  const server = await serveHealth({ host: '127.0.0.1', port: 0 }, deps);
  closing.push(() => server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const first = fetch(`${base}/debug/cpu-profile?seconds=0.2`);
  const second = fetch(`${base}/debug/cpu-profile?seconds=0.2`);
  expect([(await first).status, (await second).status].sort()).toEqual([200, 409]);
  const profile = await (await fetch(`${base}/debug/cpu-profile?seconds=0.01`)).json();
  expect(Object.keys(profile as object)).toContain('nodes');
  for (const seconds of ['0', '61', 'x', '-1']) {
    expect((await fetch(`${base}/debug/cpu-profile?seconds=${seconds}`)).status).toBe(400);
  }
  expect(await (await fetch(`${base}/status`)).json()).toEqual({ a: 1 });
});

test('serveHealth() serves a heap snapshot', () => {
  // In a small process: that of the tests has a hundred times as much.
  const script = `
    import { serveHealth } from '${import.meta.resolve('./health.ts')}';
    const server = await serveHealth({ host: '127.0.0.1', port: 0 }, {});
    const answer = await fetch(\`http://127.0.0.1:\${server.address().port}/debug/heap-snapshot\`);
    console.log((await answer.json()).nodes.length);
    server.close();`;
  const node = [process.execPath, '--conditions=@cnikit/source', '--input-type=module'];
  const { status, stdout, stderr } = sys.run([...node, '-e', script]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(Number(stdout)).toBeGreaterThan(1000);
});

test('serveHealth() rejects when the port is taken', async () => {
  const deps = { readiness: () => ({ ready: true }), problems: () => [], metrics: new Metrics() };
  const server = await serveHealth({ host: '127.0.0.1', port: 0 }, deps);
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  await expect(serveHealth({ host: '127.0.0.1', port }, deps)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
