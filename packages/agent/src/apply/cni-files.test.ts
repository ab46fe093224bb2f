import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
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
let cni: Cni;
const conflist = '{"name":"cnikit"}\n';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cnikit-cni-'));
  [binDir, confDir, pluginBinary] = [join(root, 'bin'), join(root, 'net.d'), join(root, 'plugin')];
  writeFileSync(pluginBinary, 'the plugin', { mode: 0o600 });
  cni = new CniFiles({ binDir, confDir, pluginBinary, links: ['loopback'], whyNotRuns: () => undefined });
  return () => rmSync(root, { recursive: true });
});

describe('CniFiles.apply()', () => {
  test('installs an executable plugin and then the conflist, and nothing the second time', () => {
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

  test('flannel-io/flannel#1721: installs again what a package upgrade removed', () => {
    cni.apply(conflist);
    rmSync(binDir, { recursive: true });
    expect(cni.apply(conflist).map(({ path }) => path)).toEqual([
      join(binDir, 'cnikit'),
      join(binDir, 'loopback'),
    ]);
  });

  test('kubernetes-sigs/kubespray#5562: replaces another version of the same size and date', () => {
    cni.apply(conflist);
    const installed = join(binDir, 'cnikit');
    writeFileSync(installed, 'xxx plugin');
    expect(cni.apply(conflist)).toEqual([{ kind: 'file', op: 'change', path: installed }]);
    expect(readFileSync(installed, 'utf8')).toBe('the plugin');
  });

  test('repairs a plugin that cannot be run', () => {
    cni.apply(conflist);
    chmodSync(join(binDir, 'cnikit'), 0o644);
    expect(cni.apply(conflist)).toHaveLength(1);
    expect(statSync(join(binDir, 'cnikit')).mode & 0o111).toBe(0o111);
  });

  test('containerd/containerd#11715, aws/amazon-vpc-cni-k8s#1437: leaves only whole files, under names that runtimes skip until then', () => {
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

  test('takes no offence at the temporary file of an agent that was killed', () => {
    cni.apply(undefined);
    writeFileSync(join(binDir, 'cnikit.tmp'), 'half', { mode: 0o400 });
    rmSync(join(binDir, 'cnikit'));
    cni.apply(conflist);
    expect(readdirSync(binDir)).toEqual(['cnikit', 'loopback']);
  });

  test('holds the conflist back when there is none', () => {
    expect(cni.apply(undefined)).toHaveLength(2);
    expect(cni.plan(conflist)).toEqual([
      { kind: 'file', op: 'add', path: join(confDir, '05-cnikit.conflist') },
    ]);
  });
});

describe('CniFiles and loopback', () => {
  test('links it to the plugin, which serves by the name it is run as', () => {
    cni.apply(conflist);
    expect(readlinkSync(join(binDir, 'loopback'))).toBe('cnikit');
    expect(readFileSync(join(binDir, 'loopback'), 'utf8')).toBe('the plugin');
  });

  test('leaves the one that is there, also when everything is removed', () => {
    mkdirSync(binDir);
    writeFileSync(join(binDir, 'loopback'), 'of others');
    cni.apply(conflist);
    cni.remove();
    expect(readFileSync(join(binDir, 'loopback'), 'utf8')).toBe('of others');
  });
});

describe('CniFiles keeps what was there before', () => {
  const previous = (name: string, dir = binDir): string =>
    readFileSync(join(dir, `${name}.previous`), 'utf8');

  test('at an upgrade, of both files, under names that no runtime loads', () => {
    cni.apply(conflist);
    writeFileSync(pluginBinary, 'the next plugin');
    new CniFiles({ binDir, confDir, pluginBinary }).apply('{"name":"cnikit","next":true}\n');
    expect(previous('cnikit')).toBe('the plugin');
    expect(previous('05-cnikit.conflist', confDir)).toBe(conflist);
    expect(statSync(join(binDir, 'cnikit.previous')).mode & 0o777).toBe(0o755);
    expect(configurations(confDir).map(({ file }) => file)).toEqual(['05-cnikit.conflist']);
  });

  test('but nothing that was damaged under it', () => {
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

  test('puts the one before in place, which stays until another version comes', () => {
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

  test('is taken back by undoRollBack()', () => {
    const agent = upgraded(works('old'));
    rollBack({ binDir, confDir });
    expect(undoRollBack({ binDir, confDir })).toEqual([join(binDir, 'cnikit')]);
    agent.apply(conflist);
    expect(installed()).toBe(works('new'));
    expect(undoRollBack({ binDir, confDir })).toEqual([]);
  });

  test('of the conflist too, and the runtime is told', () => {
    cni.apply(conflist);
    cni.apply('{"name":"cnikit","next":true}\n');
    rmSync(join(confDir, '05-cnikit.notice'));
    rollBack({ binDir, confDir });
    expect(readFileSync(join(confDir, '05-cnikit.conflist'), 'utf8')).toBe(conflist);
    expect(readdirSync(confDir)).toContain('05-cnikit.notice');
    expect(cni.plan('{"name":"cnikit","next":true}\n')).toEqual([]);
  });

  test('refuses where there is nothing to go back to, and a plugin that does not run', () => {
    expect(() => rollBack({ binDir, confDir })).toThrow(/nothing to go back to/);
    upgraded('no program');
    expect(() => rollBack({ binDir, confDir })).toThrow(/cnikit.previous does not run/);
    expect(installed()).toBe(works('new'));
  });
});

describe('a plugin that does not run on this node', () => {
  const installed = (): string => readFileSync(join(binDir, 'cnikit'), 'utf8');
  const works = '#!/bin/sh\n# of before\n';
  const broken = '#!/no/such/interpreter\n';

  test('gives way to the one before it, which stays, and is said', () => {
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

  test('is said where there is none before it, until it runs', () => {
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

  test('is tried once, not at every pass', () => {
    let trials = 0;
    const agent = new CniFiles({ binDir, confDir, pluginBinary, whyNotRuns: () => void trials++ });
    for (let pass = 0; pass < 3; pass++) {
      agent.apply(conflist);
    }
    expect(trials).toBe(1);
  });
});

test('CniFiles.remove() removes what apply() made and nothing else, and may be repeated', () => {
  cni.apply(conflist);
  writeFileSync(join(confDir, '10-other.conf'), '{}');
  writeFileSync(join(binDir, 'bridge'), '');
  expect(cni.remove()).toHaveLength(4);
  expect([readdirSync(confDir), readdirSync(binDir)]).toEqual([['10-other.conf'], ['bridge']]);
  expect(cni.remove()).toEqual([]);
});
