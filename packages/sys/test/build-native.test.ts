import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

const SCRIPT = fileURLToPath(new URL('../scripts/build-native.mjs', import.meta.url));

test.each([
  [['--nope'], 2, "Unknown option '--nope'"],
  [['x64'], 2, "Unexpected argument 'x64'"],
  [['--arch', 'vax'], 1, 'Invalid --arch "vax": expected x64, arm64 or the architecture of this machine'],
])('cnikit-sys-build %j exits and prints one message', (argv, status, message) => {
  const result = spawnSync(process.execPath, [SCRIPT, ...argv], { encoding: 'utf8' });
  expect(result).toMatchObject({ status, stdout: '' });
  expect(result.stderr).toContain(`cnikit-sys-build: ${message}`);
  expect(result.stderr).not.toContain(' at ');
});

test('cnikit-sys-build --version prints the version', () => {
  const result = spawnSync(process.execPath, [SCRIPT, '--version'], { encoding: 'utf8' });
  expect(result).toMatchObject({ status: 0, stdout: `${packageJson.version}\n`, stderr: '' });
});
