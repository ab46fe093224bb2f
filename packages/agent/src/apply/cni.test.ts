import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Cni, createCni } from './cni.ts';

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
  cni = createCni({ binDir, confDir, pluginBinary });
  return () => rmSync(root, { recursive: true });
});

describe('createCni().apply()', () => {
  test('installs an executable plugin and then the conflist, and nothing the second time', () => {
    expect(cni.plan(conflist)).toHaveLength(2);
    expect(cni.apply(conflist)).toEqual([
      { kind: 'file', op: 'add', path: join(binDir, 'cnikit') },
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
    expect(cni.apply(conflist)).toEqual([{ kind: 'file', op: 'add', path: join(binDir, 'cnikit') }]);
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
    expect(readdirSync(binDir)).toEqual(['cnikit']);
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
    expect(readdirSync(binDir)).toEqual(['cnikit']);
  });

  test('holds the conflist back when there is none', () => {
    expect(cni.apply(undefined)).toHaveLength(1);
    expect(cni.plan(conflist)).toEqual([
      { kind: 'file', op: 'add', path: join(confDir, '05-cnikit.conflist') },
    ]);
  });
});

test('createCni().problems() names the configurations that win over ours', () => {
  cni.apply(conflist);
  for (const name of ['00-other.conf', '01-readme.txt', '10-later.conflist'])
    writeFileSync(join(confDir, name), '{}');
  expect(cni.problems().map(({ key }) => key)).toEqual(['earlier 00-other.conf']);
});

test('createCni().remove() removes what apply() made and nothing else, and may be repeated', () => {
  cni.apply(conflist);
  writeFileSync(join(confDir, '10-other.conf'), '{}');
  writeFileSync(join(binDir, 'bridge'), '');
  expect(cni.remove()).toHaveLength(3);
  expect([readdirSync(confDir), readdirSync(binDir)]).toEqual([['10-other.conf'], ['bridge']]);
  expect(cni.remove()).toEqual([]);
});
