import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { configurations } from '../observe/configurations.ts';
import { type Cni, CniFiles } from './cni-files.ts';
import { rollBack, undoRollBack } from './rollback.ts';

let root: string;
let binDir: string;
let confDir: string;
let pluginBinary: string;
let cni: CniFiles;
const conflist = '{"name":"cnikit"}\n';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cnikit-cni-'));
  [binDir, confDir, pluginBinary] = [join(root, 'bin'), join(root, 'net.d'), join(root, 'plugin')];
  writeFileSync(pluginBinary, 'the plugin', { mode: 0o600 });
  cni = new CniFiles({ binDir, confDir, pluginBinary, links: ['loopback'], whyNotRuns: () => undefined });
  return () => rmSync(root, { recursive: true });
});

describe('CniFiles.apply()', () => {
  test('CniFiles.apply() installs an executable plugin, then the conflist, and nothing the second time', () => {
    expect(cni.plan(conflist)).toHaveLength(3);
    expect(cni.apply(conflist)).toEqual([
      { kind: 'file', op: 'add', path: join(binDir, 'cnikit') },
      { kind: 'file', op: 'add', path: join(binDir, 'loopback') },
      { kind: 'file', op: 'add', path: join(confDir, '05-cnikit.conflist') },
    ]);
    expect(statSync(join(binDir, 'cnikit')).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(confDir, '05-cnikit.conflist'), 'utf8')).toBe(conflist);
    const before = statSync(join(binDir, 'cnikit'));
    expect(cni.apply(conflist)).toEqual([]);
    expect(statSync(join(binDir, 'cnikit')).ino).toBe(before.ino);
  });

  test('flannel-io/flannel#1721: CniFiles.apply() reinstalls what a package upgrade removed', () => {
    cni.apply(conflist);
    rmSync(binDir, { recursive: true });
    expect(cni.apply(conflist).map(({ path }) => path)).toEqual([
      join(binDir, 'cnikit'),
      join(binDir, 'loopback'),
    ]);
  });

  test('kubernetes-sigs/kubespray#5562: CniFiles.apply() replaces another version of the same size and date', () => {
    cni.apply(conflist);
    const installed = join(binDir, 'cnikit');
    writeFileSync(installed, 'xxx plugin');
    expect(cni.apply(conflist)).toEqual([{ kind: 'file', op: 'change', path: installed }]);
    expect(readFileSync(installed, 'utf8')).toBe('the plugin');
  });

  test('CniFiles.apply() repairs a plugin that is not executable', () => {
    cni.apply(conflist);
    chmodSync(join(binDir, 'cnikit'), 0o644);
    expect(cni.apply(conflist)).toHaveLength(1);
    expect(statSync(join(binDir, 'cnikit')).mode & 0o111).toBe(0o111);
  });

  test('containerd/containerd#11715, aws/amazon-vpc-cni-k8s#1437: CniFiles.apply() writes files atomically, under names that runtimes ignore', () => {
    writeFileSync(join(root, 'noise'), '');
    cni.apply(conflist);
    cni.apply('{"name":"cnikit","changed":true}\n');
    expect(readdirSync(binDir)).toEqual(['cnikit', 'loopback']);
    expect(readdirSync(confDir).filter((name) => /\.(conf|conflist|json)$/.test(name))).toEqual([
      '05-cnikit.conflist',
    ]);
    // Written after the rename, for a runtime that missed it.
    expect(statSync(join(confDir, '05-cnikit.notice')).mtimeMs).toBeGreaterThanOrEqual(
      statSync(join(confDir, '05-cnikit.conflist')).mtimeMs,
    );
  });

  test('CniFiles.apply() replaces the temporary file of an agent that was killed', () => {
    cni.apply(undefined);
    writeFileSync(join(binDir, 'cnikit.tmp'), 'half', { mode: 0o400 });
    rmSync(join(binDir, 'cnikit'));
    cni.apply(conflist);
    expect(readdirSync(binDir)).toEqual(['cnikit', 'loopback']);
  });

  test('CniFiles.apply() names the file of every failure, and notifies runtimes of the conflist once it can', () => {
    const [held, notice] = ['05-cnikit.conflist.held', '05-cnikit.notice'].map((name) => join(confDir, name));
    mkdirSync(held!, { recursive: true });
    writeFileSync(join(confDir, '05-cnikit.conflist'), 'of another agent');
    expect(() => cni.apply(conflist)).toThrow(`read '${held}'`);
    rmSync(held!, { recursive: true });
    // Every write is that of a full disk.
    symlinkSync('/dev/full', notice!);
    expect(() => cni.apply(conflist)).toThrow(`write '${notice}'`);
    rmSync(notice!);
    expect(cni.apply(conflist)).toEqual([]);
    expect(readFileSync(notice!, 'utf8')).not.toBe('');
    rmSync(notice!);
    expect(cni.apply(conflist)).toEqual([]);
    expect(readdirSync(confDir)).not.toContain('05-cnikit.notice');
  });

  test('CniFiles.apply() notifies runtimes of the conflist when what follows its installation failed', () => {
    const held = join(confDir, '05-cnikit.conflist.held');
    mkdirSync(held, { recursive: true });
    expect(() => cni.apply(conflist)).toThrow(held);
    rmSync(held, { recursive: true });
    expect(cni.apply(conflist)).toEqual([]);
    expect(readdirSync(confDir)).toContain('05-cnikit.notice');
  });

  test('CniFiles.apply() installs only the executable without a conflist', () => {
    expect(cni.apply(undefined)).toHaveLength(2);
    expect(cni.plan(conflist)).toEqual([
      { kind: 'file', op: 'add', path: join(confDir, '05-cnikit.conflist') },
    ]);
  });
});

describe('CniFiles and loopback', () => {
  test('CniFiles.apply() links loopback to the plugin', () => {
    cni.apply(conflist);
    expect(readlinkSync(join(binDir, 'loopback'))).toBe('cnikit');
    expect(readFileSync(join(binDir, 'loopback'), 'utf8')).toBe('the plugin');
  });

  test('CniFiles keeps a foreign loopback plugin, even in removePlugin()', () => {
    mkdirSync(binDir);
    writeFileSync(join(binDir, 'loopback'), 'of others');
    cni.apply(conflist);
    cni.removePlugin();
    expect(readFileSync(join(binDir, 'loopback'), 'utf8')).toBe('of others');
  });
});

describe('CniFiles and files of another plugin', () => {
  const previous = (name: string, dir = binDir): string =>
    readFileSync(join(dir, `${name}.previous`), 'utf8');

  test('CniFiles.apply() keeps the previous version of both files, under names that no runtime loads', () => {
    cni.apply(conflist);
    writeFileSync(pluginBinary, 'the next plugin');
    new CniFiles({ binDir, confDir, pluginBinary }).apply('{"name":"cnikit","next":true}\n');
    expect(previous('cnikit')).toBe('the plugin');
    expect(previous('05-cnikit.conflist', confDir)).toBe(conflist);
    expect(statSync(join(binDir, 'cnikit.previous')).mode & 0o777).toBe(0o755);
    expect(configurations(confDir).map(({ file }) => file)).toEqual(['05-cnikit.conflist']);
  });

  test('CniFiles.apply() does not keep a file that was damaged', () => {
    cni.apply(conflist);
    writeFileSync(pluginBinary, 'the next plugin');
    cni.apply(conflist);
    writeFileSync(join(binDir, 'cnikit'), 'the ne');
    cni.apply(conflist);
    expect(previous('cnikit')).toBe('the plugin');
  });
});

describe('rollBack()', () => {
  const works = (name: string): string => `#!/bin/sh\n# ${name}\n`;
  const installed = (): string => readFileSync(join(binDir, 'cnikit'), 'utf8');
  const upgraded = (from: string): Cni => {
    writeFileSync(pluginBinary, from);
    cni.apply(conflist);
    writeFileSync(pluginBinary, works('new'));
    cni.apply(conflist);
    return new CniFiles({ binDir, confDir, pluginBinary });
  };

  test('rollBack() restores the previous plugin, which stays until another version is installed', () => {
    const agent = upgraded(works('old'));
    expect(rollBack({ binDir, confDir })).toEqual([
      { kind: 'file', op: 'change', path: join(binDir, 'cnikit') },
    ]);
    expect(agent.apply(conflist)).toEqual([]);
    expect(installed()).toBe(works('old'));
    expect(agent.problems()).toMatchObject([{ message: expect.stringMatching(/rollback --undo/) }]);

    writeFileSync(pluginBinary, works('newer'));
    expect(agent.apply(conflist)).toHaveLength(1);
    expect(installed()).toBe(works('newer'));
    expect(agent.problems()).toEqual([]);
    expect(readdirSync(binDir).filter((name) => name.endsWith('.held'))).toEqual([]);
  });

  test('undoRollBack() lets the agent install its own plugin again', () => {
    const agent = upgraded(works('old'));
    rollBack({ binDir, confDir });
    expect(undoRollBack({ binDir, confDir })).toEqual([join(binDir, 'cnikit')]);
    agent.apply(conflist);
    expect(installed()).toBe(works('new'));
    expect(undoRollBack({ binDir, confDir })).toEqual([]);
  });

  test('rollBack() restores the conflist and notifies the runtime', () => {
    cni.apply(conflist);
    cni.apply('{"name":"cnikit","next":true}\n');
    rmSync(join(confDir, '05-cnikit.notice'));
    rollBack({ binDir, confDir });
    expect(readFileSync(join(confDir, '05-cnikit.conflist'), 'utf8')).toBe(conflist);
    expect(readdirSync(confDir)).toContain('05-cnikit.notice');
    expect(cni.plan('{"name":"cnikit","next":true}\n')).toEqual([]);
  });

  test('rollBack() refuses without a previous version, and to restore a plugin that does not run', () => {
    expect(() => rollBack({ binDir, confDir })).toThrow(/no previous version/);
    upgraded('no program');
    expect(() => rollBack({ binDir, confDir })).toThrow(/cnikit.previous does not run/);
    expect(installed()).toBe(works('new'));
  });
});

describe('a plugin that does not run on this node', () => {
  const installed = (): string => readFileSync(join(binDir, 'cnikit'), 'utf8');
  const works = '#!/bin/sh\n# of before\n';
  const broken = '#!/no/such/interpreter\n';

  test('CniFiles.apply() falls back to the previous plugin and reports it', () => {
    writeFileSync(pluginBinary, works);
    new CniFiles({ binDir, confDir, pluginBinary }).apply(conflist);
    writeFileSync(pluginBinary, broken);
    const agent = new CniFiles({ binDir, confDir, pluginBinary });
    expect(agent.apply(conflist).map(({ path }) => path)).toEqual([
      join(binDir, 'cnikit'),
      join(binDir, 'cnikit'),
    ]);
    expect(installed()).toBe(works);
    const said = [{ kind: 'held-file', message: expect.stringMatching(/own does not run here/) }];
    expect(agent.problems()).toMatchObject(said);
    expect(agent.apply(conflist)).toEqual([]);
    expect(agent.problems()).toMatchObject(said);
    // Another start of the same agent does not try it again, another version is.
    expect(new CniFiles({ binDir, confDir, pluginBinary }).apply(conflist)).toEqual([]);
    writeFileSync(pluginBinary, `${works}# and of after\n`);
    agent.apply(conflist);
    expect(installed()).toContain('of after');
    expect(agent.problems()).toEqual([]);
  });

  test('CniFiles.problems() reports a plugin that does not run, until it runs', () => {
    let why: string | undefined = 'a noexec mount';
    const agent = new CniFiles({ binDir, confDir, pluginBinary, whyNotRuns: () => why });
    agent.apply(conflist);
    expect(agent.problems()).toMatchObject([
      {
        kind: 'broken-plugin',
        subject: join(binDir, 'cnikit'),
        message: expect.stringMatching(/does not run.*noexec/),
      },
    ]);
    why = undefined;
    agent.apply(conflist);
    expect(agent.problems()).toEqual([]);
  });

  test('CniFiles.apply() runs a new plugin once, not in every pass', () => {
    let trials = 0;
    const agent = new CniFiles({ binDir, confDir, pluginBinary, whyNotRuns: () => void trials++ });
    for (let pass = 0; pass < 3; pass++) {
      agent.apply(conflist);
    }
    expect(trials).toBe(1);
  });
});

test('CniFiles.removeConfiguration() and removePlugin() remove what apply() made and nothing else, and are idempotent', () => {
  cni.apply(conflist);
  writeFileSync(join(confDir, '10-other.conf'), '{}');
  writeFileSync(join(binDir, 'bridge'), '');
  // An agent that was killed left them.
  writeFileSync(join(confDir, '05-cnikit.conflist.tmp'), '{');
  writeFileSync(join(binDir, 'cnikit.previous.tmp'), 'the p');
  expect(cni.removeConfiguration()).toHaveLength(3);
  expect(cni.removePlugin()).toHaveLength(3);
  expect([readdirSync(confDir), readdirSync(binDir)]).toEqual([['10-other.conf'], ['bridge']]);
  expect([...cni.removeConfiguration(), ...cni.removePlugin()]).toEqual([]);
});
