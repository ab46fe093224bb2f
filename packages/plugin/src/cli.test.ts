import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { runCli } from './cli.ts';

test.each([
  [['version'], 0, `cnikit ${packageJson.version}\nCNI 0.1.0, `, ''],
  [['--version'], 0, `cnikit ${packageJson.version}\n`, ''],
  [['--help'], 0, 'This is a CNI plugin', ''],
  [['restore', '--help'], 0, 'This is a CNI plugin', ''],
  [['-h'], 0, 'bridge, ptp.\n', ''],
  [[], 0, '', 'This is a CNI plugin'],
  [['explain'], 2, '', 'Unknown command "explain"\n'],
])('runCli() with %j exits with %i', (args, exitCode, stdout, stderr) => {
  expect(runCli(args, ['bridge', 'ptp'])).toEqual({
    stdout: stdout === '' ? '' : expect.stringContaining(stdout),
    stderr: stderr === '' ? '' : expect.stringContaining(stderr),
    exitCode,
  });
});
