/** The arm64 executable, run by qemu-user on an x64 machine. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { env, inSandbox } from './harness.ts';
import { hostVeths } from './namespaces.ts';
import { scratch } from './scratch.ts';

const EMULATOR = 'qemu-aarch64';
const file = executablePath('arm64');
const missing = [
  process.arch === 'x64' ? '' : 'an x64 machine',
  existsSync(file) ? '' : 'a build with CNIKIT_ARCHES=x64,arm64',
  spawnSync(EMULATOR, ['--version']).status === 0 ? '' : EMULATOR,
  inSandbox ? '' : 'the sandbox',
].filter(Boolean);

describe.skipIf(missing.length > 0)(`arm64 (needs ${missing.join(', ') || 'nothing more'})`, () => {
  const made = scratch();
  const invoke = (environment: Record<string, string>, conf: unknown) => {
    const { status, stdout, stderr } = spawnSync(EMULATOR, ['-0', '/opt/cni/bin/cnikit', file], {
      env: environment,
      input: JSON.stringify(conf),
      encoding: 'utf8',
    });
    return { status, stderr, json: stdout === '' ? undefined : JSON.parse(stdout) };
  };

  test('the arm64 executable reports the CNI versions it supports', () => {
    const { status, json } = invoke({ CNI_COMMAND: 'VERSION' }, { cniVersion: '1.1.0' });
    expect([status, json.cniVersion, json.supportedVersions.at(-1)]).toEqual([0, '1.1.0', '1.1.0']);
  });

  test('the arm64 executable runs ADD, CHECK and DEL: link, addresses, routes, reservation', () => {
    const pod = made.pod();
    const conf = {
      cniVersion: '1.0.0',
      name: 'net',
      type: 'cnikit',
      bridge: 'cnik0',
      isGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: made.dir,
        ranges: [[{ subnet: '10.1.2.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    };
    const added = invoke(env('ADD', 'c1', pod), conf);
    expect(added).toMatchObject({ status: 0, json: { ips: [{ address: '10.1.2.2/24' }] } });
    expect(pod.run('ip', '-br', 'address', 'show', 'eth0')).toContain('10.1.2.2/24');
    expect(pod.run('ip', 'route')).toContain('default via 10.1.2.1 dev eth0');
    expect(made.reservations()).toEqual(['10.1.2.2']);
    pod.run('ping', '-c', '1', '-w', '30', '10.1.2.1');
    const prevResult = added.json;
    expect(invoke(env('CHECK', 'c1', pod), { ...conf, prevResult })).toMatchObject({ status: 0 });
    expect(invoke(env('DEL', 'c1', pod), conf)).toEqual({ status: 0, stderr: '', json: undefined });
    expect([made.reservations(), hostVeths()]).toEqual([[], []]);
  });
});
