/** The executable in a person's hands. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';

const run = (words: string[], { input = '', env = {}, argv0 = 'cnikit' } = {}) =>
  spawnSync(executablePath(), words, { argv0, env, input, encoding: 'utf8' });

test('cnikit explain says what ADD would do, and what is invalid with the words of the schema', () => {
  const conf = { cniVersion: '1.0.0', name: 'net', type: 'bridge', bridge: 'br7' };
  const valid = run(['explain'], { input: JSON.stringify(conf) });
  expect([valid.status, valid.stderr]).toEqual([0, '']);
  expect(valid.stdout).toMatch(/^Makes the bridge br7 if it is not there/);
  const { status, stdout } = run(['explain'], { input: JSON.stringify({ ...conf, mtu: 'x' }) });
  expect([status, stdout]).toEqual([
    1,
    'Invalid: Invalid bridge configuration: mtu: expected number, got "x"\n',
  ]);
});

test('cnikit version', () => {
  expect(run(['version'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^cnikit \d+\.\d+\.\d+\nCNI 0\.1\.0/),
  });
});

test('without CNI_COMMAND it says what it is and what it can be asked, as a plugin on stderr', () => {
  const { status, stdout, stderr } = run([], { argv0: '/opt/cni/bin/ptp' });
  expect([status, stdout]).toEqual([0, '']);
  expect(stderr).toMatch(/^cnikit ptp: .*\nCNI protocol versions supported: .*\n\nThis is a CNI plugin/);
});

test('a command that there is none of is said, whatever the environment', () => {
  const { status, stderr } = run(['frob'], { env: { CNI_COMMAND: 'ADD' } });
  expect([status, stderr.split('\n')[0]]).toEqual([2, 'There is no command frob']);
});
