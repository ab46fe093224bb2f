/** The command line of the executable. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';

const run = (args: string[], { env = {}, argv0 = 'cnikit' } = {}) =>
  spawnSync(executablePath(), args, { argv0, env, input: '', encoding: 'utf8' });

test('cnikit version prints the version and the CNI versions', () => {
  expect(run(['version'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^cnikit \d+\.\d+\.\d+\nCNI 0\.1\.0/),
  });
});

test('cnikit without arguments and CNI_COMMAND prints its help to stderr', () => {
  const { status, stdout, stderr } = run([], { argv0: '/opt/cni/bin/ptp' });
  expect([status, stdout]).toEqual([0, '']);
  expect(stderr).toMatch(/^cnikit ptp: .*\nCNI protocol versions supported: .*\n\nThis is a CNI plugin/);
});

test.each(['restore', 'switch-back'])('cnikit %s --help prints the help and does nothing else', (command) => {
  const { status, stdout, stderr } = run([command, '--help']);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain(`cnikit ${command} `);
});

test('cnikit refuses an unknown command, with or without CNI_COMMAND', () => {
  const { status, stderr } = run(['frob'], { env: { CNI_COMMAND: 'ADD' } });
  expect([status, stderr.split('\n')[0]]).toEqual([2, 'Unknown command "frob"']);
});
