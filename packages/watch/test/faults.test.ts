import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Follower, follow, kubeConfig, node, same } from './live.ts';

describe('watch() against a server with faults', () => {
  let server: ApiServer;
  let w: Follower | undefined;
  const directory = mkdtempSync(join(tmpdir(), 'watch-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  beforeEach(async () => {
    server = await startApiServer({ nodes: ['a', 'b', 'c', 'd', 'e'].map((name) => node(name)) });
  });
  afterEach(async () => {
    await w?.stop();
    w = undefined;
    await server.close();
  });

  /** Proves the watch is alive: a new write arrives. */
  const alive = async () => {
    server.nodes.put(node('proof', { at: String(server.requests.length) }));
    await w!.until(() => same(server, w!.copy));
  };
  const asked = (verb: string) => server.requests.filter((r) => r.verb === verb);

  test('watch() pages the list and follows changes', async () => {
    w = follow(server, { pageSize: 2 });
    await w.seen('synced');
    expect(asked('list')).toHaveLength(3);
    await w.seen('watch');
    server.nodes.put(node('f'));
    await w.seen('added f');
    server.nodes.put(node('f', { x: '1' }));
    await w.seen('modified f');
    server.nodes.delete('f');
    await w.seen('deleted f');
  });

  test('kubernetes-client/javascript#301, #1496: watch() resumes a broken watch without loss and without a new list', async () => {
    w = follow(server);
    await w.seen('watch');
    for (let turn = 0; turn < 5; turn += 1) {
      server.faults.dropWatches();
      server.nodes.put(node(`n${turn}`));
      await w.seen('end cut');
      await w.seen(`added n${turn}`);
    }
    expect(asked('list')).toHaveLength(1);
    expect(w.log.filter((line) => line.startsWith('modified'))).toEqual([]);
  });

  test('kubernetes-client/javascript#364, #596, #958: watch() abandons and resumes a watch that falls silent', async () => {
    w = follow(server, { idleSeconds: 0.3 });
    await w.seen('watch');
    server.faults.stallWatches();
    server.nodes.put(node('missed'));
    await w.seen('end idle');
    await w.seen('added missed');
  });

  test('kubernetes-client/javascript#1933: watch() causes no storm of requests during or after an outage', async () => {
    w = follow(server, { backoff: { initialMs: 5, maxMs: 40 } });
    await w.seen('watch');
    await server.stop();
    await w.seen('stale');
    await server.start();
    await w.seen('fresh');
    await alive();
    expect(asked('watch').length + asked('list').length).toBeLessThanOrEqual(4);
  });

  test('kubernetes-client/javascript#609: watch() reports reconnects to its hooks', async () => {
    w = follow(server);
    await w.seen('watch');
    server.faults.dropWatches();
    await w.seen('end cut');
    await w.seen('error CONNECT');
    await w.seen('watch');
  });

  test('watch() resumes after timeoutSeconds without reporting an error', async () => {
    w = follow(server, { timeoutSeconds: 1 });
    await w.seen('end timeout');
    await w.seen('watch');
    await alive();
    expect(w.log.filter((line) => /error|stale/.test(line))).toEqual([]);
  });

  test.each(['event', 'status'] as const)(
    'watch() yields the missed changes after a compaction, reported as %s',
    async (form) => {
      w = follow(server);
      await w.seen('watch');
      server.faults.gone(form);
      await server.stop();
      server.nodes.delete('a');
      server.nodes.delete('b');
      server.nodes.put(node('b'));
      server.nodes.put(node('f'));
      server.faults.compact();
      await server.start();
      await w.seen('deleted a');
      await w.seen('deleted b');
      await w.seen('added b');
      await w.seen('added f');
      await alive();
    },
  );

  test('watch() survives a compaction between the pages of a list', async () => {
    server.faults.delay(20);
    w = follow(server, { pageSize: 1 });
    const second = server.requests.length;
    await expect.poll(() => server.requests.length, { interval: 1 }).toBeGreaterThan(second + 1);
    server.faults.compact();
    server.faults.delay(0);
    await w.seen('synced');
    await w.seen('watch');
    await alive();
  });

  test('watch() accepts a list of any size in one response', async () => {
    server.faults.ignoreListLimit();
    for (let at = 0; at < 300; at += 1) {
      server.nodes.put(node(`n${at}`));
    }
    w = follow(server, { pageSize: 10 });
    await w.seen('synced');
    expect(w.copy.size).toBe(305);
    expect(asked('list')).toHaveLength(1);
  });

  test.each([
    ['500 to lists', 500, 'list'],
    ['503 to watches', 503, 'watch'],
    ['403 to watches', 403, 'watch'],
  ])('watch() keeps trying through %s', async (_, status, verb) => {
    server.faults.failNext(3, status, { verb });
    w = follow(server);
    await w.seen(`error HTTP ${status}`);
    await w.seen('fresh');
    await alive();
    expect(asked('list').length + asked('watch').length).toBe(5);
  });

  test('watch() honours Retry-After from a real server', async () => {
    server.faults.failNext(1, 429, { headers: { 'retry-after': '1' } });
    const delays: number[] = [];
    w = follow(server, { hooks: { onError: (_, { retryInMs }) => delays.push(retryInMs) } });
    await w.seen('fresh');
    expect(delays).toHaveLength(1);
    expect(delays[0]).toBeGreaterThanOrEqual(1000);
  });

  test('watch() recovers from garbage and truncated JSON in lists and events', async () => {
    server.faults.garbageNext();
    server.faults.truncateNext();
    w = follow(server);
    await w.seen('error PROTOCOL');
    await w.seen('error CONNECT');
    await w.seen('watch');
    server.faults.garbageNext();
    server.nodes.put(node('f'));
    await w.seen('end protocol');
    await w.seen('added f');
    await w.seen('watch');
    server.faults.truncateNext();
    server.nodes.put(node('g'));
    await w.seen('end cut');
    await w.seen('added g');
  });

  test('watch() ignores repeated, reordered and replayed events', async () => {
    server.faults.duplicateEvents();
    server.faults.reorderEvents();
    server.faults.replayEvents(10);
    w = follow(server);
    await w.seen('watch');
    server.nodes.put(node('f'));
    server.nodes.put(node('f', { x: '1' }));
    server.nodes.delete('a');
    server.nodes.put(node('a', { y: '1' }));
    server.nodes.delete('b');
    await w.until(() => same(server, w!.copy));
    server.faults.dropWatches();
    await w.seen('watch');
    await alive();
    expect(w.log.filter((line) => line.endsWith(' b'))).toEqual(['deleted b']);
  });

  test.each(['list', 'watch'])('watch() obeys Retry-After of 429 to a %s', async (verb) => {
    server.faults.failNext(2, 429, { verb, headers: { 'retry-after': '1' } });
    const delays: number[] = [];
    const onError = (_: unknown, { retryInMs }: { retryInMs: number }) => delays.push(retryInMs);
    w = follow(server, { hooks: { onError } });
    await w.seen('fresh');
    expect(delays).toHaveLength(2);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(1000);
  });

  test('watch() with notOlderThan never yields a state older than the previous run saw', async () => {
    let resourceVersion: string | undefined;
    const move = (at: { resourceVersion?: string }) => {
      resourceVersion = at.resourceVersion ?? resourceVersion;
    };
    w = follow(server, { hooks: { onList: move, onEvent: move } });
    await w.seen('synced');
    server.nodes.put(node('a', { x: '1' }));
    server.nodes.delete('b');
    await w.until(() => same(server, w!.copy));
    await w.stop();
    server.faults.duplicateEvents();
    server.faults.reorderEvents();
    server.faults.replayEvents(20);
    w = follow(server, { notOlderThan: resourceVersion! });
    await w.seen('synced');
    expect(same(server, w.copy)).toBe(true);
    server.nodes.put(node('a', { x: '2' }));
    server.nodes.delete('a');
    await w.until(() => same(server, w!.copy));
    expect(w.log.filter((line) => line.endsWith(' b'))).toEqual([]);
  });

  test('watch() lists again when the server has lost the version of the previous run', async () => {
    w = follow(server, { notOlderThan: '999999999' });
    await w.seen('error EXPIRED 504');
    await w.seen('synced');
    await alive();
  });

  test('watch() compares objects by their requested fields', async () => {
    server.faults.duplicateEvents();
    w = follow(server, { fields: { metadata: { labels: { x: true } } } });
    await w.seen('synced');
    expect([...w.copy.values()]).toEqual([{}, {}, {}, {}, {}]);
    await w.seen('watch');
    server.nodes.put(node('a', { y: '1' }));
    server.nodes.put(node('b', { x: '1', y: '1' }));
    server.nodes.put(node('b', { x: '1', y: '2' }));
    server.nodes.put(node('f', { x: '1', y: '1' }));
    server.nodes.delete('c');
    await w.seen('deleted c');
    expect(w.log.filter((line) => / [a-f]$/.test(line))).toEqual(['modified b', 'added f', 'deleted c']);
    expect(w.copy.get('b')).toEqual({ x: '1' });
  });

  test('watch() abandons requests that are never answered', async () => {
    w = follow(server, { requestSeconds: 0.2 });
    await w.seen('watch');
    server.faults.stallRequests();
    server.faults.dropWatches();
    await w.seen('stale');
    await w.seen('error IDLE');
    server.faults.stallRequests(false);
    await w.seen('fresh');
    await alive();
  });

  test('watch() uses a rotated token file from the next request on', async () => {
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, `${server.token}\n`);
    w = follow(server, { kubeConfig: kubeConfig(server.kubeconfig({ tokenFile })) });
    await w.seen('watch');
    server.rotateToken();
    server.faults.dropWatches();
    await w.seen('error HTTP 401');
    await w.seen('stale');
    writeFileSync(tokenFile, server.token);
    await w.seen('fresh');
    await alive();
  });

  test('watch() uses a rotated CA file from the next request on', async () => {
    const caFile = join(directory, 'ca.crt');
    writeFileSync(caFile, server.caCert);
    w = follow(server, { kubeConfig: kubeConfig(server.kubeconfig({ caFile })) });
    await w.seen('watch');
    await server.rotateCertificate({ newCa: true });
    server.faults.dropWatches();
    await w.seen('stale');
    writeFileSync(caFile, server.caCert);
    await w.seen('fresh');
    await alive();
  });

  test('watch() uses the token of an exec plugin and reports its failure', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: server.token },
    };
    const config = kubeConfig(server.kubeconfig());
    const exec = (args: string[]) => ({ apiVersion: credential.apiVersion, command: '/bin/sh', args });
    const user = { name: 'agent', exec: exec(['-c', 'echo no login >&2; exit 1']) };
    config.users = [user];
    w = follow(server, { kubeConfig: config });
    await w.seen('error CREDENTIALS');
    user.exec = exec(['-c', `echo '${JSON.stringify(credential)}'`]);
    await w.seen('synced');
  });

  test('watch() rejects a server certificate that its CA did not sign', async () => {
    const other = await startApiServer();
    const config = kubeConfig(server.kubeconfig().replace(server.url, other.url));
    w = follow(server, { kubeConfig: config });
    await w.seen('error CONNECT');
    expect(other.requests).toEqual([]);
    await other.close();
  });

  // The server sees the end of a connection a moment after the client's next request.
  afterEach(() => expect.poll(() => server.openWatches).toBeLessThanOrEqual(1));
  afterEach(() => rmSync(join(directory, 'token'), { force: true }));
});
