import { beforeEach, describe, expect, test } from 'vitest';
import type { ExecOutcome } from '../exec.ts';
import { type AttachmentRequest, parseConfigList, Runtime } from './index.ts';
import type { RuntimeIo } from './io.ts';

type Answer = Partial<ExecOutcome> | object | undefined;

/** Plugins as functions and files as a map; `calls` records each run. */
class World {
  calls: { plugin: string; command: string; env: Record<string, string>; stdin: Record<string, unknown> }[] =
    [];
  files = new Map<string, string>();
  plugins: Record<string, (command: string, stdin: Record<string, unknown>) => Answer> = {};
  io: RuntimeIo = {
    env: { HOME: '/root', CNI_IFNAME: 'stale' },
    exec: async ({ file, env, stdin }) => {
      const plugin = file.slice('/bin/'.length);
      const config = JSON.parse(stdin);
      this.calls.push({ plugin, command: env.CNI_COMMAND!, env, stdin: config });
      const answer = this.plugins[plugin]!(env.CNI_COMMAND!, config);
      const outcome = { exitCode: 0, stderr: '', stdout: '' };
      if (answer && ('exitCode' in answer || 'stdout' in answer)) {
        return { ...outcome, ...answer };
      }
      return answer ? { ...outcome, stdout: JSON.stringify(answer) } : outcome;
    },
    isFile: (path) => path.startsWith('/bin/') && Object.hasOwn(this.plugins, path.slice('/bin/'.length)),
    readText: (path) => this.files.get(path),
    readdir: (path) =>
      [...this.files.keys()]
        .filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1)),
    writeText: (path, text) => void this.files.set(path, text),
    remove: (path) => void this.files.delete(path),
  };
  get log() {
    return this.calls.map(({ plugin, command }) => `${plugin} ${command}`);
  }
}

const error = (code: number, msg: string) => ({ exitCode: 1, stdout: JSON.stringify({ code, msg }) });
const first = { cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/24' }] };
const attachment: AttachmentRequest = {
  containerID: 'c1',
  netns: '/run/netns/c1',
  ifName: 'eth0',
  args: { A: '1', B: '2' },
};
const listAt = (cniVersion: string, more: object = {}) =>
  parseConfigList(
    JSON.stringify({ cniVersion, name: 'net', plugins: [{ type: 'a' }, { type: 'b' }], ...more }),
  );

let world: World;
let runtime: Runtime;
const cacheFile = '/var/lib/cni/results/net-c1-eth0';

beforeEach(() => {
  world = new World();
  world.plugins = {
    a: (command) => (command === 'ADD' ? first : undefined),
    b: (command, stdin) =>
      command === 'ADD'
        ? { ...(stdin.prevResult as object), routes: [{ dst: '0.0.0.0/0' }], vendor: 1 }
        : undefined,
  };
  runtime = new Runtime({ io: world.io, path: ['/empty', '/bin'], cacheDir: '/var/lib/cni' });
});

describe('Runtime.add()', () => {
  test('Runtime.add() runs the list in order and passes the result on', async () => {
    expect(await runtime.add(listAt('1.0.0'), attachment)).toEqual({
      cniVersion: '1.1.0',
      ips: first.ips,
      routes: [{ dst: '0.0.0.0/0' }],
    });
    expect(world.log).toEqual(['a ADD', 'b ADD']);
    expect(world.calls[0]?.env).toEqual({
      HOME: '/root',
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'c1',
      CNI_NETNS: '/run/netns/c1',
      CNI_IFNAME: 'eth0',
      CNI_ARGS: 'A=1;B=2',
      CNI_PATH: '/empty:/bin',
    });
    expect(world.calls[0]?.stdin).not.toHaveProperty('prevResult');
    expect(world.calls[1]?.stdin.prevResult).toEqual(first);
  });
  test('ADD-2: Runtime.add() adds a missing version and keeps another known one', async () => {
    world.plugins.a = () => ({ ips: first.ips });
    await runtime.add(listAt('1.0.0'), attachment);
    expect(world.calls[1]?.stdin.prevResult).toEqual(first);
    const old = { cniVersion: '0.3.1', ips: [{ version: '4', address: '10.1.0.2/24' }], dns: {} };
    world.plugins.a = () => old;
    await runtime.add(listAt('1.0.0'), attachment);
    expect(world.calls.at(-1)?.stdin.prevResult).toEqual(old);
  });
  test.each<[string, Answer]>([
    ['nothing', { stdout: '' }],
    ['a log line first', { stdout: 'hello\n{}' }],
    ['an unknown version', { cniVersion: '7.0.0' }],
    ['a list', { stdout: '[]' }],
  ])('ADD-1: Runtime.add() fails and cleans up when a plugin prints %s', async (_name, answer) => {
    world.plugins.a = (command) => (command === 'ADD' ? answer : undefined);
    await expect(runtime.add(listAt('1.0.0'), attachment)).rejects.toThrow(
      expect.objectContaining({ name: 'CniError' }),
    );
    expect(world.log).toEqual(['a ADD', 'b DEL', 'a DEL']);
  });
  test('ADD-9: Runtime.add() stops at the first failure, deletes the whole list and throws', async () => {
    world.plugins.a = (command) => (command === 'ADD' ? error(11, 'Busy') : error(100, 'Stuck'));
    await expect(runtime.add(listAt('1.0.0'), attachment)).rejects.toMatchObject({
      code: 11,
      message: 'Busy',
      plugin: 'a',
      command: 'ADD',
    });
    expect(world.log).toEqual(['a ADD', 'b DEL', 'a DEL']);
    expect(world.calls[1]?.stdin).not.toHaveProperty('prevResult');
    expect(world.files.size).toBe(0);
  });
  test('ERR-3: Runtime.add() deletes nothing after code 3', async () => {
    world.plugins.a = () => error(3, 'Unknown');
    await expect(runtime.add(listAt('1.0.0'), attachment)).rejects.toMatchObject({ code: 3 });
    expect(world.log).toEqual(['a ADD']);
  });
  test.each<[string, ExecOutcome, string]>([
    [
      'stderr when stdout is empty',
      { exitCode: 2, stdout: '', stderr: 'boom\n' },
      'exit code 2 without a valid CNI error: boom',
    ],
    ['stdout otherwise', { exitCode: 2, stdout: '{"code":"7"}', stderr: 'boom' }, '{"code":"7"}'],
    ['the lack of output', { exitCode: 2, stdout: '', stderr: '' }, 'without output'],
  ])(
    'ERR-2, ERR-5: Runtime.add() without a valid error document reports %s',
    async (_name, outcome, text) => {
      world.plugins.a = () => outcome;
      await expect(runtime.add(listAt('1.0.0'), attachment)).rejects.toMatchObject({
        code: 999,
        message: expect.stringContaining(text),
      });
    },
  );
  test.each<[string, object, object]>([
    ['network name', { name: 'a b' }, {}],
    ['container ID', {}, { containerID: '../x' }],
    ['interface name', {}, { ifName: 'a/b' }],
    ['type', { plugins: [{ type: '../a' }] }, {}],
    ['executable', { plugins: [{ type: 'missing' }] }, {}],
  ])('CONF-9, CONF-10, ENV-11: Runtime.add() refuses a bad %s', async (_name, list, change) => {
    await expect(runtime.add(listAt('1.0.0', list), { ...attachment, ...change })).rejects.toMatchObject({
      name: 'CniError',
    });
    expect(world.log.filter((line) => line.endsWith('ADD'))).toEqual([]);
  });
  test('CACHE-1, CACHE-2: Runtime.add() caches the final result in the format of libcni', async () => {
    await runtime.add(listAt('1.0.0'), { ...attachment, capabilityArgs: { mac: 'x' } });
    const file = JSON.parse(world.files.get(cacheFile)!);
    expect({ ...file, config: JSON.parse(atob(file.config)).name }).toEqual({
      kind: 'cniCacheV1',
      containerId: 'c1',
      ifName: 'eth0',
      networkName: 'net',
      netns: '/run/netns/c1',
      cniArgs: [
        ['A', '1'],
        ['B', '2'],
      ],
      capabilityArgs: { mac: 'x' },
      config: 'net',
      result: { ...first, routes: [{ dst: '0.0.0.0/0' }], vendor: 1 },
    });
  });
});

describe('Runtime.del() and Runtime.check()', () => {
  test('DEL-6: Runtime.del() runs the list in reverse with the final result and deletes the cache', async () => {
    await runtime.add(listAt('1.0.0'), attachment);
    world.calls = [];
    await runtime.del(listAt('1.1.0'), attachment);
    expect(world.log).toEqual(['b DEL', 'a DEL']);
    for (const { stdin } of world.calls) {
      expect(stdin.prevResult).toEqual({
        cniVersion: '1.1.0',
        ips: first.ips,
        routes: [{ dst: '0.0.0.0/0' }],
      });
    }
    expect(world.files.size).toBe(0);
    await runtime.del(listAt('1.1.0'), attachment);
    expect(world.calls.at(-1)?.stdin).not.toHaveProperty('prevResult');
  });
  test('DEL-6: Runtime.del() stops at an error and keeps the cached result', async () => {
    await runtime.add(listAt('1.0.0'), attachment);
    world.calls = [];
    world.plugins.b = () => error(999, 'Stuck');
    await expect(runtime.del(listAt('1.0.0'), attachment)).rejects.toMatchObject({
      plugin: 'b',
      command: 'DEL',
    });
    expect(world.log).toEqual(['b DEL']);
    expect(world.files.has(cacheFile)).toBe(true);
  });
  test('Runtime.del() passes no prevResult before 0.4.0', async () => {
    world.plugins.a = (command) =>
      command === 'ADD'
        ? { cniVersion: '0.3.1', ips: [{ version: '4', address: '10.1.0.2/24' }] }
        : undefined;
    await runtime.add(listAt('0.3.1'), attachment);
    await runtime.del(listAt('0.3.1'), attachment);
    expect(world.calls.at(-1)?.stdin).not.toHaveProperty('prevResult');
  });
  test.each(['', '{', '[]', '{"kind":"other"}'])(
    'CACHE-3: Runtime.del() ignores an invalid cache file: %j',
    async (text) => {
      world.files.set(cacheFile, text);
      await runtime.del(listAt('1.0.0'), attachment);
      expect(world.log).toEqual(['b DEL', 'a DEL']);
      expect(world.files.size).toBe(0);
    },
  );
  test('CACHE-2: Runtime.del() reads the bare result of an old cache file', async () => {
    world.files.set(cacheFile, JSON.stringify(first));
    await runtime.del(listAt('1.0.0'), attachment);
    expect(world.calls[0]?.stdin.prevResult).toEqual(first);
  });
  test('CHECK-2, CHECK-6: Runtime.check() runs in order with the result, or not at all', async () => {
    await runtime.add(listAt('1.0.0'), attachment);
    world.calls = [];
    await runtime.check(listAt('1.0.0', { disableCheck: 'true' }), attachment);
    expect(world.log).toEqual([]);
    await runtime.check(listAt('1.0.0'), attachment);
    expect(world.log).toEqual(['a CHECK', 'b CHECK']);
    expect(world.calls[0]?.stdin.prevResult).toMatchObject({ ips: first.ips });
    await expect(runtime.check(listAt('0.3.1'), attachment)).rejects.toMatchObject({ code: 1 });
  });
});

describe('Runtime.gc() and Runtime.status()', () => {
  const valid = [{ containerID: 'c1', ifname: 'eth0' }];
  test('GC-2, GC-6: Runtime.gc() deletes stale attachments, then runs GC of all plugins with the valid ones', async () => {
    await runtime.add(listAt('1.0.0'), attachment);
    await runtime.add(listAt('1.0.0'), { ...attachment, containerID: 'c2' });
    await runtime.add(listAt('1.0.0', { name: 'other' }), { ...attachment, containerID: 'c3' });
    world.calls = [];
    await runtime.gc(listAt('1.1.0', { plugins: [{ type: 'b' }] }), valid);
    expect(world.log).toEqual(['b DEL', 'a DEL', 'b GC']);
    expect(world.calls[0]?.env).toMatchObject({ CNI_CONTAINERID: 'c2', CNI_ARGS: 'A=1;B=2' });
    expect(world.calls[2]?.env).toMatchObject({
      CNI_CONTAINERID: '',
      CNI_NETNS: '',
      CNI_IFNAME: '',
      CNI_PATH: '/empty:/bin',
    });
    expect(world.calls[2]?.stdin).toMatchObject({
      'cni.dev/valid-attachments': valid,
      'cni.dev/attachments': valid,
    });
    expect([...world.files.keys()]).toEqual([cacheFile, '/var/lib/cni/results/other-c3-eth0']);
  });
  test('GC-3: Runtime.gc() deletes nothing without a list of attachments', async () => {
    await runtime.add(listAt('1.1.0'), attachment);
    world.calls = [];
    await runtime.gc(listAt('1.1.0'), undefined);
    expect(world.log).toEqual(['a GC', 'b GC']);
    expect(world.calls[0]?.stdin).not.toHaveProperty('cni.dev/valid-attachments');
  });
  test('GC-4: Runtime.gc() continues after errors and reports them all', async () => {
    world.plugins = { a: () => error(100, 'One'), b: () => error(101, 'Two') };
    const failure = await runtime.gc(listAt('1.1.0'), []).catch((thrown) => thrown);
    expect(failure).toBeInstanceOf(AggregateError);
    expect(failure.errors.map(({ code }: { code: number }) => code)).toEqual([100, 101]);
  });
  test('GC-6: Runtime.gc() does nothing with disableGC', async () => {
    await runtime.add(listAt('1.1.0'), attachment);
    world.calls = [];
    await runtime.gc(listAt('1.1.0', { disableGC: true }), []);
    expect(world.log).toEqual([]);
  });
  test('STATUS-5: Runtime.status() runs from 1.1.0 on and stops at the first plugin that is not ready', async () => {
    world.plugins.a = () => error(50, 'No daemon');
    await runtime.status(listAt('1.0.0'));
    expect(world.log).toEqual([]);
    await expect(runtime.status(listAt('1.1.0'))).rejects.toMatchObject({ code: 50, plugin: 'a' });
    expect(world.log).toEqual(['a STATUS']);
  });
});

describe('Runtime.versions() and Runtime.validate()', () => {
  test.each<[string, Answer, string[]]>([
    ['a list', { cniVersion: '1.0.0', supportedVersions: ['0.4.0', '1.0.0'] }, ['0.4.0', '1.0.0']],
    ['0.2.0 without a list', { cniVersion: '0.2.0' }, ['0.1.0', '0.2.0']],
    ['an unknown command', error(100, 'unknown CNI_COMMAND: VERSION'), ['0.1.0']],
  ])('VER-4: Runtime.versions() accepts %s', async (_name, answer, expected) => {
    world.plugins.a = () => answer;
    expect(await runtime.versions('a')).toEqual(expected);
  });
  test.each<[string, Answer]>([
    ['1.0.0 without a list', { cniVersion: '1.0.0' }],
    ['nothing', {}],
    ['invalid JSON', { stdout: 'x' }],
    ['an error', error(4, 'No')],
  ])('VER-4: Runtime.versions() refuses %s', async (_name, answer) => {
    world.plugins.a = () => answer;
    await expect(runtime.versions('a')).rejects.toMatchObject({ name: 'CniError' });
  });
  test('Runtime.validate() refuses a plugin that does not support the version', async () => {
    world.plugins = {
      a: () => ({ cniVersion: '1.0.0', supportedVersions: ['1.0.0'] }),
      b: () => ({ cniVersion: '0.4.0', supportedVersions: ['0.4.0'] }),
    };
    await expect(runtime.validate(listAt('1.0.0'))).rejects.toMatchObject({
      code: 1,
      message: expect.stringContaining('Plugin b'),
    });
    await runtime.validate(listAt('1.0.0', { plugins: [{ type: 'a' }] }));
  });
});
