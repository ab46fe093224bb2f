import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { call, openWatch } from '../test/client.ts';
import { type ApiServer, startApiServer } from './server.ts';

const node = (name: string, labels: Record<string, string> = {}) => ({ metadata: { name, labels } });

describe('watches', () => {
  let server: ApiServer;
  beforeEach(async () => {
    server = await startApiServer({ nodes: [node('n1')] });
  });
  afterEach(() => server.close());

  const from = async (query = '') => {
    const rv = (await call(server, '/api/v1/nodes')).json.metadata.resourceVersion;
    return openWatch(server, `/api/v1/nodes?watch=true&resourceVersion=${rv}${query}`);
  };

  test('watches deliver what changes after the resourceVersion, in order', async () => {
    const watch = await from();
    server.nodes.put(node('n2'));
    server.nodes.put(node('n2', { a: 'b' }));
    server.nodes.delete('n1');
    const seen = [await watch.next(), await watch.next(), await watch.next()];
    expect(seen.map((e) => [e.type, e.object.metadata.name])).toEqual([
      ['ADDED', 'n2'],
      ['MODIFIED', 'n2'],
      ['DELETED', 'n1'],
    ]);
    const versions = seen.map((e) => Number(e.object.metadata.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  test('watches resume without loss from any version seen', async () => {
    const first = await from();
    server.nodes.put(node('n2'));
    const { resourceVersion } = (await first.next()).object.metadata;
    expect(server.faults.dropWatches()).toBe(1);
    await expect(first.next()).rejects.toThrow();
    server.nodes.put(node('n3'));
    const second = await openWatch(server, `/api/v1/nodes?watch=1&resourceVersion=${resourceVersion}`);
    expect((await second.next()).object.metadata.name).toBe('n3');
  });

  test('watches from version 0 start with the existing objects', async () => {
    const watch = await openWatch(server, '/api/v1/nodes?watch=true&resourceVersion=0');
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'n1' } } });
  });

  test('watches with sendInitialEvents send all objects, a marked bookmark, then changes', async () => {
    server.nodes.put(node('n2'));
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    const watch = await openWatch(server, `/api/v1/nodes?${query}&allowWatchBookmarks=true`);
    const seen = [await watch.next(), await watch.next(), await watch.next()];
    expect(seen.map((event) => [event.type, event.object.metadata.name])).toEqual([
      ['ADDED', 'n1'],
      ['ADDED', 'n2'],
      ['BOOKMARK', undefined],
    ]);
    const { metadata } = seen[2]!.object;
    expect(metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    const { resourceVersion } = (await call(server, '/api/v1/nodes')).json.metadata;
    expect(metadata.resourceVersion).toBe(resourceVersion);
    server.nodes.put(node('n3'));
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'n3' } } });
  });

  test('watches with sendInitialEvents start over from an old version, with the selected objects', async () => {
    const old = (await call(server, '/api/v1/nodes')).json.metadata.resourceVersion;
    server.nodes.put(node('n1', { a: 'b' }));
    server.nodes.put(node('n2'));
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=a';
    const watch = await openWatch(
      server,
      `/api/v1/nodes?${query}&allowWatchBookmarks=true&resourceVersion=${old}`,
    );
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'n1' } } });
    expect((await watch.next()).type).toBe('BOOKMARK');
  });

  test('watches with sendInitialEvents=false send changes only', async () => {
    const query = 'watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan';
    const watch = await openWatch(server, `/api/v1/nodes?${query}`);
    server.nodes.put(node('n2'));
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'n2' } } });
  });

  test('watches end after timeoutSeconds with a final bookmark if requested', async () => {
    const watch = await from('&timeoutSeconds=1&allowWatchBookmarks=true');
    expect(await watch.next()).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Node' } });
    await expect(watch.next()).rejects.toThrow('ended');
  });

  test('watches turn a label change into ADDED and DELETED for a selector', async () => {
    const watch = await from('&labelSelector=a');
    server.nodes.put(node('n1', { a: '1' }));
    server.nodes.put(node('n1', { b: '1' }));
    server.nodes.put(node('n1', { c: '1' }));
    server.nodes.put(node('n1', { a: '2' }));
    const types = [(await watch.next()).type, (await watch.next()).type, (await watch.next()).type];
    expect(types).toEqual(['ADDED', 'DELETED', 'ADDED']);
  });

  test('watches reject a compacted version as ERROR event or as HTTP 410', async () => {
    server.faults.compact();
    const event = await openWatch(server, '/api/v1/nodes?watch=true&resourceVersion=1001');
    expect(await event.next()).toMatchObject({
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired' },
    });
    server.faults.gone('status');
    expect((await call(server, '/api/v1/nodes?watch=true&resourceVersion=1001')).status).toBe(410);
  });
});

describe('faults', () => {
  let server: ApiServer;
  beforeEach(async () => {
    server = await startApiServer({ nodes: [node('n1')] });
  });
  afterEach(() => server.close());

  const watchAll = () =>
    openWatch(server, '/api/v1/nodes?watch=true&resourceVersion=1001&allowWatchBookmarks=true');

  test('failNext(), rotateCertificate() and startApiServer() refuse unknown options', async () => {
    const options = (value: object) => value as never;
    expect(() => server.faults.failNext(1, 429, options({ verbs: 'list' }))).toThrow(
      'Unknown key "verbs" in options: expected headers, verb',
    );
    await expect(server.rotateCertificate(options({ newCA: true }))).rejects.toThrow(TypeError);
    await expect(startApiServer(options({ rules: [] }))).rejects.toThrow('Unknown key "rules"');
  });
  test('failNext() fails the next requests of a verb only', async () => {
    server.faults.failNext(1, 429, { verb: 'list', headers: { 'retry-after': '7' } });
    expect((await call(server, '/api/v1/nodes/n1')).status).toBe(200);
    const failed = await call(server, '/api/v1/nodes');
    expect(failed).toMatchObject({ status: 429, json: { reason: 'TooManyRequests' } });
    expect(failed.headers['retry-after']).toBe('7');
    expect((await call(server, '/api/v1/nodes')).status).toBe(200);
  });

  test('garbageNext() and truncateNext() corrupt lists', async () => {
    server.faults.garbageNext();
    expect((await call(server, '/api/v1/nodes')).json).toBeUndefined();
    server.faults.truncateNext();
    await expect(call(server, '/api/v1/nodes')).rejects.toThrow();
  });

  test('garbageNext() and truncateNext() corrupt watch events', async () => {
    const garbage = await watchAll();
    server.faults.garbageNext();
    server.nodes.put(node('n2'));
    const line = (await garbage.line())!;
    expect(() => JSON.parse(line)).toThrow();
    server.faults.dropWatches();
    const half = await watchAll();
    await half.next();
    server.faults.truncateNext();
    server.nodes.put(node('n3'));
    await expect(half.next()).rejects.toThrow();
  });

  test('duplicateEvents(), reorderEvents() and replayEvents() repeat and reorder events', async () => {
    server.faults.duplicateEvents();
    const watch = await watchAll();
    server.nodes.put(node('n2'));
    expect(await watch.next()).toEqual(await watch.next());
    server.faults.duplicateEvents(false);
    server.faults.reorderEvents();
    server.nodes.put(node('n2', { a: '1' }));
    server.nodes.put(node('n2', { a: '2' }));
    expect((await watch.next()).object.metadata.labels).toEqual({ a: '2' });
    expect((await watch.next()).object.metadata.labels).toEqual({ a: '1' });
    server.faults.replayEvents(2);
    const again = await openWatch(server, '/api/v1/nodes?watch=true&resourceVersion=1004');
    expect((await again.next()).object.metadata.labels).toEqual({ a: '1' });
  });

  test('stallWatches() stalls open watches while new ones work', async () => {
    const silent = await watchAll();
    expect(server.faults.stallWatches()).toBe(1);
    server.nodes.put(node('n2'));
    server.faults.bookmark();
    const fresh = await watchAll();
    expect((await fresh.next()).object.metadata.name).toBe('n2');
    const nothing = await Promise.race([silent.next(), new Promise((done) => setImmediate(done, 'nothing'))]);
    expect(nothing).toBe('nothing');
    silent.close();
  });

  test('rotateToken() revokes the old token and rotateCertificate() replaces the CA', async () => {
    const { token, caCert } = server;
    server.rotateToken();
    expect((await call(server, '/api/v1/nodes', { token })).status).toBe(401);
    expect((await call(server, '/api/v1/nodes')).status).toBe(200);
    await server.rotateCertificate({ newCa: true });
    await expect(call({ ...server, caCert, token: server.token }, '/api/v1/nodes')).rejects.toThrow();
    expect((await call(server, '/api/v1/nodes')).status).toBe(200);
  });

  test('stop() refuses connections and start() listens on the same port', async () => {
    const watch = await watchAll();
    await server.stop();
    await expect(watch.next()).rejects.toThrow();
    await expect(call(server, '/api/v1/nodes')).rejects.toThrow();
    await server.start();
    expect((await call(server, '/api/v1/nodes')).status).toBe(200);
  });
});
