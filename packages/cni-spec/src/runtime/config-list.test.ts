import { describe, expect, test } from 'vitest';
import { derivePluginConfig } from './derive.ts';
import { loadConfigFile, loadConfigs, parseConfigList, parseSingleConfig } from './index.ts';

const plugins = [{ type: 'a' }];
const list = (more: object) =>
  parseConfigList(JSON.stringify({ cniVersion: '1.0.0', name: 'n', plugins, ...more }));

/** Files by path. */
function files(tree: Record<string, string>) {
  return {
    readText: (path: string) => tree[path],
    readdir: (path: string) => {
      const names = Object.keys(tree).filter((file) => file.startsWith(`${path}/`));
      return names.length === 0
        ? undefined
        : names.map((file) => file.slice(path.length + 1)).filter((name) => !name.includes('/'));
    },
  };
}

describe('parseConfigList()', () => {
  test.each([
    ['1.0.0', ['0.3.1', '1.1.0'], '1.1.0'],
    ['9.0.0', ['1.0.0'], '1.0.0'],
    ['1.0.0', ['9.0.0'], '1.0.0'],
    ['0.4.0', ['0.10.0', '0.9.0'], '0.10.0'],
    [undefined, ['0.3.1', '0.4.0'], '0.4.0'],
    ['9.0.0', ['9.1.0'], '9.0.0'],
    ['1.0.0', ['1.0.7'], '1.0.7'],
    ['9.0.0', undefined, '9.0.0'],
    [undefined, undefined, ''],
  ])(
    'VER-5, VER-6: parseConfigList() chooses from %j and %j the version %j',
    (cniVersion, cniVersions, expected) => {
      expect(list({ cniVersion, cniVersions }).cniVersion).toBe(expected);
    },
  );
  test.each<[string, object]>([
    ['no name', { name: undefined }],
    ['a number for a name', { name: 1 }],
    ['no plugins', { plugins: undefined }],
    ['an empty list of plugins', { plugins: [] }],
    ['plugins that are not a list', { plugins: {} }],
    ['a plugin without type', { plugins: [{}] }],
    ['a plugin that is a word', { plugins: ['bridge'] }],
    ['a capability that is not a boolean', { plugins: [{ type: 'a', capabilities: { ips: 1 } }] }],
    ['a bad version', { cniVersions: ['x'] }],
    ['loadOnlyInlinedPlugins without plugins', { plugins: undefined, loadOnlyInlinedPlugins: true }],
    ['disableCheck 1', { disableCheck: 1 }],
    ['disableGC "yes"', { disableGC: 'yes' }],
  ])('CONF-7, CONF-8, CONF-11: parseConfigList() refuses %s', (_name, more) => {
    expect(() => list(more)).toThrow(
      expect.objectContaining({
        name: 'CniError',
        code: expect.toSatisfy((code) => code === 6 || code === 7),
      }),
    );
  });
  test('CONF-8: parseConfigList() accepts flags as booleans or strings', () => {
    expect(list({ disableCheck: true, disableGC: 'TRUE', loadOnlyInlinedPlugins: 'false' })).toMatchObject({
      disableCheck: true,
      disableGC: true,
      loadOnlyInlinedPlugins: false,
    });
  });
  test('CONF-9, CONF-10: parseConfigList() accepts bad names and types, which ADD refuses', () => {
    expect(list({ name: 'a b', plugins: [{ type: '../p' }] })).toMatchObject({
      name: 'a b',
      plugins: [{ type: '../p' }],
    });
  });
});

describe('parseSingleConfig()', () => {
  test('parseSingleConfig() returns a list with one plugin', () => {
    expect(
      parseSingleConfig('{"cniVersion":"0.4.0","name":"n","type":"a","capabilities":{"mac":true}}'),
    ).toMatchObject({
      name: 'n',
      cniVersion: '0.4.0',
      plugins: [{ type: 'a', capabilities: { mac: true } }],
    });
  });
  test('parseSingleConfig() explains where a list of plugins belongs', () => {
    expect(() => parseSingleConfig(JSON.stringify({ name: 'n', plugins }))).toThrow(
      'Put a list of plugins into a .conflist file',
    );
  });
});

describe('loadConfigs()', () => {
  const conflist = (name: string, more: object = {}) =>
    JSON.stringify({ cniVersion: '1.0.0', name, plugins, ...more });
  test('loadConfigs() returns .conf, .conflist and .json files by name, with their errors', () => {
    const io = files({
      '/c/20.conflist': conflist('two'),
      '/c/10.conf': '{"name":"one","type":"a"}',
      '/c/.05.conflist': conflist('hidden'),
      '/c/15.json': '{',
      '/c/00.conflist.tmp': 'x',
    });
    const loaded = loadConfigs(io, '/c');
    expect(loaded.map((one) => [one.file, 'list' in one ? one.list.name : one.error.code])).toEqual([
      ['/c/.05.conflist', 'hidden'],
      ['/c/10.conf', 'one'],
      ['/c/15.json', 6],
      ['/c/20.conflist', 'two'],
    ]);
    expect(loadConfigs(io, '/nowhere')).toEqual([]);
  });
  test('CONF-11: loadConfigs() appends the plugins of the directory with the name of the network', () => {
    const folder = {
      '/c/n/10.conf': '{"type":"d"}',
      '/c/n/05.conf': '{"type":"c"}',
      '/c/n/06.json': '{"type":"x"}',
    };
    const types = (more: object) =>
      loadConfigFile(files({ '/c/1.conflist': conflist('n', more), ...folder }), '/c/1.conflist').plugins.map(
        ({ type }) => type,
      );
    expect(types({})).toEqual(['a', 'c', 'd']);
    expect(types({ plugins: undefined })).toEqual(['c', 'd']);
    expect(types({ loadOnlyInlinedPlugins: true })).toEqual(['a']);
    const { text } = loadConfigFile(files({ '/c/1.conflist': conflist('n'), ...folder }), '/c/1.conflist');
    expect(parseConfigList(text).plugins).toHaveLength(3);
  });
  test('loadConfigs() reads no other directory for a name with a slash', () => {
    const io = files({ '/c/1.conflist': conflist('../d'), '/d/1.conf': '{"type":"x"}' });
    expect(loadConfigFile(io, '/c/1.conflist').plugins).toHaveLength(1);
  });
});

describe('derivePluginConfig()', () => {
  const derive = (config: string, options = {}) => {
    const parsed = parseConfigList(`{"cniVersion":"1.0.0","name":"n","plugins":[${config}]}`);
    return derivePluginConfig(parsed, parsed.plugins[0]!, options);
  };
  test('CONF-5: derivePluginConfig() sets name and version of the list', () => {
    expect(JSON.parse(derive('{"type":"a","Name":"own","name":"x","cniVersion":"0.1.0"}'))).toEqual({
      type: 'a',
      name: 'n',
      cniVersion: '1.0.0',
    });
  });
  test('CONF-6: derivePluginConfig() keeps other keys unchanged, including large integers', () => {
    const text = derive(
      '{"type":"a","n":12345678901234567890,"s":"<&>","f":1.50,"deep":[{"n":-9007199254740993}]}',
    );
    expect(text).toContain('"n":12345678901234567890');
    expect(text).toContain('"deep":[{"n":-9007199254740993}]');
    expect(JSON.parse(text)).toMatchObject({ s: '<&>', f: 1.5 });
  });
  test('CAP-1: derivePluginConfig() sets runtimeConfig only from arguments of enabled capabilities', () => {
    const capabilityArgs = { ips: ['10.1.0.2'], mac: 'x', dns: undefined };
    const config =
      '{"type":"a","capabilities":{"ips":true,"mac":false,"dns":true,"bandwidth":true},"runtimeConfig":{"x":1}}';
    expect(JSON.parse(derive(config, { capabilityArgs })).runtimeConfig).toEqual({ ips: ['10.1.0.2'] });
    expect(JSON.parse(derive(config))).not.toHaveProperty('runtimeConfig');
  });
  test('ADD-6: derivePluginConfig() sets only the prevResult of the runtime', () => {
    expect(JSON.parse(derive('{"type":"a","prevResult":{}}'))).not.toHaveProperty('prevResult');
    expect(JSON.parse(derive('{"type":"a"}', { prevResult: { ips: [] } })).prevResult).toEqual({ ips: [] });
  });
});
