import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'build', 'readme');
const node = [process.execPath, '--conditions=@cnikit/source'];
const [plugin, runtime] = [
  ...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gms),
].map((match) => match[1]);

beforeAll(() => {
  mkdirSync(join(folder, 'net.d'), { recursive: true });
  writeFileSync(join(folder, 'domain.ts'), plugin!);
  writeFileSync(join(folder, 'runtime.ts'), runtime!);
  writeFileSync(join(folder, 'domain'), `#!/bin/sh\nexec ${node.join(' ')} ${join(folder, 'domain.ts')}\n`);
  chmodSync(join(folder, 'domain'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(script: string, env: Record<string, string>, input = '') {
  const { NODE_COMPILE_CACHE } = process.env;
  return spawnSync(node[0]!, [node[1]!, join(folder, script)], {
    env: { NODE_COMPILE_CACHE, ...env },
    input,
    encoding: 'utf8',
  });
}

describe('README.md', () => {
  const env = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'c',
    CNI_NETNS: '/run/netns/x',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/x',
  };
  const config = { cniVersion: '0.4.0', name: 'n', type: 'domain', domain: 'a.test' };
  test('The plugin of README.md sets the DNS domain', () => {
    const prevResult = {
      cniVersion: '0.3.1',
      ips: [{ version: '4', address: '10.1.0.2/24' }],
      dns: { nameservers: ['10.1.0.1'] },
    };
    const { stdout, status } = run('domain.ts', env, JSON.stringify({ ...config, prevResult }));
    expect(JSON.parse(stdout)).toEqual({
      cniVersion: '0.4.0',
      ips: prevResult.ips,
      dns: { nameservers: ['10.1.0.1'], domain: 'a.test' },
    });
    expect(status).toBe(0);
  });
  test('The plugin of README.md refuses invalid input', () => {
    for (const [stdin, code, more] of [
      ['x', 6, {}],
      ['{}', 7, {}],
      [JSON.stringify(config), 7, {}],
      ['{}', 4, { CNI_IFNAME: '..' }],
    ] as const) {
      const { stdout, status } = run('domain.ts', { ...env, ...more }, stdin);
      expect([JSON.parse(stdout).code, status]).toEqual([code, 1]);
    }
    const { stderr, status } = run('domain.ts', {});
    expect([stderr.split('\n')[0], status]).toEqual(['Sets the DNS domain of a pod', 0]);
  });
  test('The runtime of README.md finds that plugin', () => {
    writeFileSync(
      join(folder, 'net.d', '1.conflist'),
      JSON.stringify({
        cniVersion: '1.0.0',
        cniVersions: ['1.1.0'],
        name: 'good',
        plugins: [{ type: 'domain' }],
      }),
    );
    writeFileSync(
      join(folder, 'net.d', '2.conflist'),
      JSON.stringify({ cniVersion: '1.0.0', name: 'missing', plugins: [{ type: 'none' }] }),
    );
    writeFileSync(join(folder, 'net.d', '3.conf'), '{}');
    const { stdout, stderr } = run('runtime.ts', {
      CNI_PATH: folder,
      NETCONFPATH: join(folder, 'net.d'),
      CACHE_DIR: folder,
    });
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      'good 1.1.0: ready',
      `missing: Failed to find plugin "none" in path [${folder}]`,
      `${folder}/net.d/3.conf: A plugin has no "type"`,
      '',
    ]);
  });
});
