import { describe, expect, test } from 'vitest';
import {
  CniError,
  type Context,
  definePlugin,
  dispatch,
  type Env,
  type PluginOptions,
  type Result,
  supportedVersions,
} from './index.ts';

const base = {
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/t',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
};

/** Runs a plugin that records its input. An undefined value of `env` removes the variable. */
function run(
  command: string | undefined,
  config: unknown = { cniVersion: '1.1.0', name: 'n', type: 't' },
  env: Env = {},
  options: Partial<PluginOptions<unknown>> = {},
) {
  const seen: Context<unknown>[] = [];
  const note = (context: Context<unknown>) => void seen.push(context);
  const plugin = definePlugin<unknown>({
    about: 'A test plugin',
    add: (context) => {
      note(context);
      return context.prevResult ?? { ips: [{ address: '10.1.0.2/24' }] };
    },
    del: note,
    check: note,
    gc: note,
    status: note,
    ...options,
  });
  const output = dispatch(plugin, {
    env: { ...base, CNI_COMMAND: command, ...env },
    stdin: typeof config === 'string' ? config : JSON.stringify(config),
    sameNetns: (path) => path === '/own',
  });
  const reply = output.stdout === '' ? undefined : JSON.parse(output.stdout);
  return { ...output, reply, seen };
}

describe('dispatch() and the environment', () => {
  test.each(['add', 'FOO', 'Version'])('ENV-1: dispatch() refuses the command %s with code 4', (command) => {
    const { reply, exitCode } = run(command);
    expect(exitCode).toBe(1);
    expect(reply).toMatchObject({ code: 4, msg: `Unknown CNI_COMMAND: ${command}` });
  });
  test('ENV-1: dispatch() reads stdin before it refuses a command', () => {
    expect(run('FOO', 'x').reply.code).toBe(6);
  });
  test.each(['ADD', 'CHECK'])('ENV-2: dispatch() of %s names all missing variables at once', (command) => {
    const none = { CNI_CONTAINERID: '', CNI_NETNS: undefined, CNI_IFNAME: '', CNI_PATH: undefined };
    expect(run(command, undefined, none).reply).toMatchObject({
      code: 4,
      msg: 'Required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing',
    });
  });
  test.each([undefined, ''])('ENV-3: dispatch() of DEL succeeds without CNI_NETNS (%j)', (netns) => {
    const { exitCode, stdout, seen } = run('DEL', undefined, { CNI_NETNS: netns });
    expect([exitCode, stdout, seen[0]?.netns]).toEqual([0, '', '']);
  });
  test.each(['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'])('ENV-3: dispatch() of DEL requires %s', (name) => {
    expect(run('DEL', undefined, { [name]: '' }).reply).toMatchObject({
      code: 4,
      msg: expect.stringContaining(name),
    });
  });
  test.each(['GC', 'STATUS'])(
    'ENV-4: dispatch() of %s ignores malformed variables and requires CNI_PATH',
    (command) => {
      const { exitCode, seen } = run(command, undefined, {
        CNI_CONTAINERID: 'a/b',
        CNI_IFNAME: '..',
        CNI_ARGS: 'x',
      });
      expect([exitCode, seen[0]?.containerID, seen[0]?.ifName]).toEqual([0, '', '']);
      expect(run(command, undefined, { CNI_PATH: '' }).reply.code).toBe(4);
    },
  );
  test('ENV-5: dispatch() of VERSION requires only CNI_COMMAND', () => {
    const { reply } = run('VERSION', '', {
      CNI_CONTAINERID: '',
      CNI_NETNS: 'dummy',
      CNI_IFNAME: 'a/b',
      CNI_PATH: '',
    });
    expect(reply).toEqual({ cniVersion: '1.1.0', supportedVersions: [...supportedVersions] });
  });
  test.each(['-c', 'a/b', 'é1', 'abc\n', '.a'])('ENV-6: dispatch() refuses the container ID %j', (id) => {
    expect(run('ADD', undefined, { CNI_CONTAINERID: id }).reply).toMatchObject({
      code: 4,
      msg: expect.stringContaining('CNI_CONTAINERID'),
    });
  });
  test('ENV-6: dispatch() accepts a container ID of any length', () => {
    expect(run('ADD', undefined, { CNI_CONTAINERID: 'a'.repeat(300) }).exitCode).toBe(0);
  });
  test.each(['a'.repeat(16), 'é'.repeat(8), 'a b', 'a:b', 'a/b', '..', '.', 'a\u0085', 'a\u3000'])(
    'ENV-7: dispatch() refuses the interface name %j',
    (name) => {
      expect(run('ADD', undefined, { CNI_IFNAME: name }).reply).toMatchObject({
        code: 4,
        msg: expect.stringContaining('CNI_IFNAME'),
      });
    },
  );
  test.each(['a'.repeat(15), 'é'.repeat(7), 'a%b', 'a\ufeff'])(
    'ENV-7: dispatch() accepts the interface name %j',
    (name) => {
      expect(run('ADD', undefined, { CNI_IFNAME: name }).exitCode).toBe(0);
    },
  );
  test('ENV-8: dispatch() reports a malformed variable before missing ones', () => {
    expect(run('ADD', undefined, { CNI_CONTAINERID: 'a/b', CNI_PATH: '' }).reply.msg).toContain(
      'Invalid CNI_CONTAINERID',
    );
  });
  test.each([undefined, ''])('ENV-9: dispatch() describes the plugin without a command (%j)', (command) => {
    expect(run(command, '')).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: `A test plugin\nCNI protocol versions supported: ${supportedVersions.join(', ')}\n`,
    });
    expect(run(command, '', {}, { about: '' }).reply).toMatchObject({
      code: 4,
      msg: 'Required env variables [CNI_COMMAND] missing',
    });
  });
  test('ENV-10: dispatch() refuses its own network namespace unless CNI_NETNS_OVERRIDE is set', () => {
    for (const command of ['ADD', 'DEL', 'CHECK']) {
      const { reply, seen } = run(command, undefined, { CNI_NETNS: '/own' });
      expect([reply.code, seen.length]).toEqual([8, 0]);
      const conf = { cniVersion: '1.1.0', name: 'n', prevResult: {} };
      expect(run(command, conf, { CNI_NETNS: '/own', CNI_NETNS_OVERRIDE: 'true' }).exitCode).toBe(0);
    }
  });
  test('dispatch() does not require a variable of optionalEnv', () => {
    expect(run('ADD', undefined, { CNI_PATH: '' }, { optionalEnv: ['CNI_PATH'] }).exitCode).toBe(0);
  });
});

describe('dispatch() and the configuration', () => {
  test.each([
    ['empty', ''],
    ['a list', '[]'],
    ['a word', 'x'],
    ['two documents', '{} x'],
    ['a number as name', '{"name":1}'],
    ['a number as cniVersion', '{"name":"n","cniVersion":1}'],
  ])('CONF-1, 2, 3: dispatch() refuses stdin that is %s with code 6', (_name, stdin) => {
    for (const command of ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']) {
      expect(run(command, stdin).reply.code).toBe(6);
    }
  });
  test.each([
    ['absent', '{}'],
    ['in a null document', 'null'],
    ['with a space', '{"name":"a b"}'],
    ['with a slash', '{"name":"a/b"}'],
  ])('CONF-2: dispatch() refuses a name that is %s with code 7', (_name, stdin) => {
    expect(run('ADD', stdin).reply.code).toBe(7);
  });
  test.each(['1.0', '9.9.9', 'x', '1.0.0 '])(
    'CONF-3: dispatch() refuses cniVersion %j with code 1 and names the versions of both sides',
    (cniVersion) => {
      const { reply } = run('ADD', { cniVersion, name: 'n' });
      expect(reply.code).toBe(1);
      expect(reply.details).toContain(JSON.stringify(cniVersion));
      expect(reply.details).toContain('"0.3.1"');
    },
  );
  test.each([{}, { cniVersion: '' }, { cniVersion: null }])(
    'CONF-3: dispatch() treats %j as 0.1.0',
    (version) => {
      expect(run('ADD', { name: 'n', ...version }).reply).toEqual({
        cniVersion: '0.1.0',
        ip4: { ip: '10.1.0.2/24' },
        dns: {},
      });
    },
  );
  test('CONF-4: dispatch() keeps unknown keys in order and normalises known ones', () => {
    const config = {
      CNIVersion: '1.0.0',
      name: 'n',
      args: 7,
      capabilities: { x: true },
      'cni.dev/x': 1,
      vendor: { A: 1 },
      RuntimeConfig: { PortMappings: [{ HostPort: 1 }], dns: null },
      ipam: { TYPE: 'host-local', Subnet: 's' },
    };
    expect(run('ADD', config).seen[0]?.conf).toEqual({
      cniVersion: '1.0.0',
      name: 'n',
      args: 7,
      capabilities: { x: true },
      'cni.dev/x': 1,
      vendor: { A: 1 },
      runtimeConfig: { portMappings: [{ hostPort: 1 }] },
      ipam: { type: 'host-local', Subnet: 's' },
    });
  });
  test('CONF-4: dispatch() keeps a __proto__ key as a key', () => {
    const { seen } = run('DEL', '{"cniVersion":"1.0.0","name":"n","__proto__":{"polluted":1}}');
    const conf = seen[0]?.conf as object;
    expect(Object.hasOwn(conf, '__proto__')).toBe(true);
    expect('polluted' in conf).toBe(false);
  });
  test('dispatch() passes the result of config() and reports its errors with code 7', () => {
    expect(run('DEL', undefined, {}, { config: (raw) => raw.name.length }).seen[0]?.conf).toBe(1);
    const fail = {
      config: () => {
        throw new Error('no bridge');
      },
    };
    expect(run('ADD', undefined, {}, fail).reply).toMatchObject({ code: 7, msg: 'no bridge' });
  });
});

describe('dispatch() and versions', () => {
  test('VER-1, VER-2: dispatch() of VERSION accepts any stdin and returns the requested version', () => {
    expect(run('VERSION', '{"cniVersion":"0.4.0"}').reply.cniVersion).toBe('0.4.0');
    for (const stdin of ['', 'x', 'null', '{"cniVersion":7}']) {
      expect(run('VERSION', stdin).reply.cniVersion).toBe('1.1.0');
    }
  });
  test.each([...supportedVersions])('VER-3: dispatch() works at %s', (cniVersion) => {
    expect(run('ADD', { cniVersion, name: 'n' }).reply.cniVersion).toBe(cniVersion);
  });
  test('VER-3: dispatch() refuses a version that the plugin does not list', () => {
    expect(run('ADD', undefined, {}, { versions: ['1.0.0'] }).reply.code).toBe(1);
  });
  test.each([
    ['CHECK', '0.3.1'],
    ['GC', '1.0.0'],
    ['STATUS', '1.0.0'],
  ])('VER-7: dispatch() refuses %s at %s', (command, cniVersion) => {
    expect(run(command, { cniVersion, name: 'n' }).reply.code).toBe(1);
  });
});

describe('dispatch() and results', () => {
  test.each(supportedVersions.slice(2))(
    'ADD-5, ADD-7: dispatch() converts prevResult of %s to the newest format and back',
    (cniVersion) => {
      const ip = cniVersion.startsWith('0')
        ? { version: '6', address: 'FD00::5/64' }
        : { address: 'FD00::5/64' };
      const { seen, reply } = run('ADD', {
        cniVersion: '1.1.0',
        name: 'n',
        prevResult: { cniVersion, ips: [ip] },
      });
      expect(seen[0]?.prevResult).toEqual({ cniVersion: '1.1.0', ips: [{ address: 'fd00::5/64' }] });
      expect(reply).toEqual({ cniVersion: '1.1.0', ips: [{ address: 'fd00::5/64' }] });
    },
  );
  test('ADD-6: dispatch() treats a null prevResult as absent', () => {
    expect(
      run('ADD', { cniVersion: '1.0.0', name: 'n', prevResult: null }).seen[0]?.prevResult,
    ).toBeUndefined();
  });
  test('ADD-7: dispatch() reads a prevResult without version at cniVersion and refuses an empty version', () => {
    const ips = [{ address: '10.1.0.9/24' }];
    expect(
      run('ADD', { cniVersion: '1.0.0', name: 'n', prevResult: { ips } }).seen[0]?.prevResult?.ips,
    ).toEqual(ips);
    expect(
      run('ADD', { cniVersion: '1.0.0', name: 'n', prevResult: { cniVersion: '', ips } }).reply.code,
    ).toBe(6);
  });
  test.each([
    ['type', 7],
    ['capabilities', { a: 1 }],
    ['dns', 'x'],
    ['runtimeConfig', []],
    ['prevResult', 7],
  ])(
    'DEL-1: dispatch() of DEL and GC ignores a key %s of a wrong type, as no other verb does',
    (key, value) => {
      const conf = { cniVersion: '1.1.0', name: 'n', [key]: value };
      for (const command of ['DEL', 'GC']) {
        const { exitCode, seen } = run(command, conf);
        expect([exitCode, seen[0]?.conf]).toEqual([0, { cniVersion: '1.1.0', name: 'n' }]);
      }
      for (const command of ['ADD', 'CHECK', 'STATUS']) {
        expect(run(command, conf).reply.code).toBe(6);
      }
    },
  );
  test.each(['ipam', 'cni.dev/valid-attachments'])(
    'DEL-1: dispatch() of DEL and GC refuses a key %s of a wrong type, which they need',
    (key) => {
      for (const command of ['DEL', 'GC']) {
        expect(run(command, { cniVersion: '1.1.0', name: 'n', [key]: 7 }).reply.code).toBe(6);
      }
    },
  );
  test('dispatch() gives DEL and GC the configuration of configForDel', () => {
    const options = {
      config: () => {
        throw new Error('contradiction');
      },
      configForDel: () => 'lenient',
    };
    for (const command of ['DEL', 'GC']) {
      expect(run(command, undefined, {}, options).seen[0]?.conf).toBe('lenient');
    }
    expect(run('ADD', undefined, {}, options).reply).toMatchObject({ code: 7, msg: 'contradiction' });
  });
  test('dispatch() of DEL ignores unknown CNI_ARGS, which ADD refuses', () => {
    const args = { CNI_ARGS: 'A=1;B' };
    expect(run('DEL', undefined, args, { args: ['MAC'] }).exitCode).toBe(0);
    expect(run('ADD', undefined, args, { args: ['MAC'] }).reply.code).toBe(4);
  });
  test('DEL-3: dispatch() of DEL succeeds with a missing or invalid prevResult', () => {
    for (const prevResult of [null, { ips: 7 }, { cniVersion: '9.9.9' }]) {
      const { exitCode, seen } = run('DEL', { cniVersion: '1.0.0', name: 'n', prevResult });
      expect([exitCode, seen[0]?.prevResult]).toEqual([0, undefined]);
    }
    expect(run('DEL', { cniVersion: '1.0.0', name: 'n', prevResult: { ips: 7 } }).stderr).toContain(
      'Cannot use prevResult',
    );
  });
  test('ADD-8: dispatch() refuses an invalid interface index unless it is from prevResult', () => {
    const add = () => ({ ips: [{ address: '10.1.0.2/24', interface: 0 }] });
    expect(run('ADD', undefined, {}, { add }).reply).toMatchObject({
      code: 999,
      msg: expect.stringContaining('interface index 0, but the result has 0 interfaces'),
    });
    const ips = [{ address: '10.1.0.2/24', interface: -1 }];
    expect(run('ADD', { cniVersion: '1.0.0', name: 'n', prevResult: { ips } }).reply.ips).toEqual(ips);
  });
  test('dispatch() prints canonical results as they are, and other results in canonical text', () => {
    const add = () => ({ ips: [{ address: '10.1.0.2/024' }], routes: [] });
    const printed = (canonicalResults: boolean) => run('ADD', undefined, {}, { add, canonicalResults }).reply;
    expect(printed(true)).toEqual({ cniVersion: '1.1.0', ips: [{ address: '10.1.0.2/024' }] });
    expect(printed(false)).toEqual({ cniVersion: '1.1.0', ips: [{ address: '10.1.0.2/24' }] });
  });
  test('dispatch() refuses a promise or nothing in place of a result, which would be a success without work', () => {
    const promise = Promise.resolve({});
    const verbs = Object.fromEntries(
      ['add', 'del', 'check', 'gc', 'status'].map((verb) => [verb, () => promise]),
    );
    for (const command of ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']) {
      const { exitCode, reply } = run(command, { cniVersion: '1.1.0', name: 'n', prevResult: {} }, {}, verbs);
      expect([exitCode, reply.msg]).toEqual([
        1,
        `The plugin's ${command.toLowerCase()}() returned a promise: verbs are synchronous`,
      ]);
    }
    const nothing = { add: () => undefined as unknown as Result };
    expect(run('ADD', undefined, {}, nothing).reply.msg).toMatch(
      /add\(\) returned no result: return at least \{\}/,
    );
  });
  test('definePlugin() refuses an unknown option, such as a misspelt verb', () => {
    const misspelt = { about: 'A plugin', Add: () => ({}) } as PluginOptions<unknown>;
    expect(() => definePlugin(misspelt)).toThrow(CniError);
    expect(() => definePlugin(misspelt)).toThrow(/^Unknown key "Add" in plugin: expected about, .*add, del/);
    expect(() => definePlugin(undefined as unknown as PluginOptions<unknown>)).toThrow(/expected an object/);
  });
  test('dispatch() of DEL, CHECK, GC and STATUS prints nothing', () => {
    for (const command of ['DEL', 'CHECK', 'GC', 'STATUS']) {
      const output = run(command, { cniVersion: '1.1.0', name: 'n', prevResult: {} });
      expect(output).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    }
  });
  test('CHECK-2: dispatch() refuses CHECK without prevResult unless the plugin has checkWithoutPrevResult', () => {
    for (const conf of [{}, { prevResult: null }]) {
      for (const cniVersion of ['0.4.0', '1.0.0', '1.1.0']) {
        const { reply, seen } = run('CHECK', { cniVersion, name: 'n', ...conf });
        expect(reply).toMatchObject({ code: 7, msg: 'Required prevResult missing' });
        expect(seen).toEqual([]);
      }
    }
    const options = { checkWithoutPrevResult: true };
    expect(run('CHECK', undefined, {}, options)).toMatchObject({ exitCode: 0, seen: [{ command: 'CHECK' }] });
  });
  test.each([
    ['null', null, []],
    ['a list', [{ containerID: 'a', ifname: 'eth0' }], [{ containerID: 'a', ifname: 'eth0' }]],
  ])('GC-1, GC-3: dispatch() passes the valid attachments: %s', (_name, list, expected) => {
    for (const key of ['cni.dev/valid-attachments', 'cni.dev/attachments']) {
      expect(run('GC', { cniVersion: '1.1.0', name: 'n', [key]: list }).seen[0]?.validAttachments).toEqual(
        expected,
      );
    }
  });
  test('GC-3: dispatch() passes undefined when the runtime lists no attachments', () => {
    expect(run('GC').seen[0]).not.toHaveProperty('validAttachments');
  });
});

describe('dispatch() and errors', () => {
  const failing = (thrown: unknown) =>
    run(
      'ADD',
      { cniVersion: '0.4.0', name: 'n' },
      {},
      {
        add: () => {
          throw thrown;
        },
      },
    );
  test("ERR-1, ERR-4: dispatch() prints the plugin's error and exits 1", () => {
    expect(failing(new CniError(11, 'Busy', 'later'))).toMatchObject({
      exitCode: 1,
      reply: { cniVersion: '0.4.0', code: 11, msg: 'Busy', details: 'later' },
    });
  });
  test.each([
    ['an Error', new Error('Broken'), 999],
    ['an error with a cniCode', Object.assign(new Error('Broken'), { cniCode: 11 }), 11],
    ['a string', 'Broken', 999],
  ])('dispatch() assigns a code to %s', (_name, thrown, code) => {
    expect(failing(thrown).reply).toEqual({ cniVersion: '0.4.0', code, msg: 'Broken' });
  });
  test('dispatch() reports a failure to read stdin with code 5', () => {
    const plugin = definePlugin({ about: '' });
    const stdin = () => {
      throw new Error('EIO');
    };
    const { stdout } = dispatch(plugin, { env: { ...base, CNI_COMMAND: 'ADD' }, stdin });
    expect(JSON.parse(stdout)).toMatchObject({ code: 5, msg: 'Cannot read stdin: EIO' });
  });
});

describe('dispatch() and CNI_ARGS', () => {
  test('dispatch() passes any CNI_ARGS when the plugin lists no args', () => {
    expect(run('ADD', undefined, { CNI_ARGS: 'none;A=1' }).seen[0]?.args).toEqual({ A: '1' });
  });
  test('dispatch() refuses unknown CNI_ARGS when the plugin lists args', () => {
    const strict = (CNI_ARGS: string) => run('ADD', undefined, { CNI_ARGS }, { args: ['IP'] });
    expect(strict('IgnoreUnknown=1;X=2;IP=1').seen[0]?.args).toEqual({ IgnoreUnknown: '1', X: '2', IP: '1' });
    expect(strict('X=2').reply).toMatchObject({ code: 4, msg: expect.stringContaining('"X=2"') });
  });
});
