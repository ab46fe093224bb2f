import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const PROGRAMS = fileURLToPath(new URL('../kubernetes/lib/programs.sh', import.meta.url));

test('install_packages waits for another apt and for the lock of dpkg', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cnikit-install-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const calls = join(dir, 'calls');
  for (const name of ['flock', 'apt-get']) {
    const program = `#!/bin/sh\necho ${name} "$@" >>${calls}\n[ ${name} = apt-get ] || { shift; exec "$@"; }\n`;
    writeFileSync(join(dir, name), program, { mode: 0o755 });
  }
  const script = '. "$0" && install_packages jq socat';
  const env = { PATH: `${dir}:${process.env.PATH}`, SCRATCH: dir };
  execFileSync('bash', ['-euo', 'pipefail', '-c', script, PROGRAMS], { env });
  const apt = 'apt-get -qq -o DPkg::Lock::Timeout=600';
  const install = 'install -y --no-install-recommends jq socat';
  expect(readFileSync(calls, 'utf8').trim().split('\n')).toEqual([
    `flock /var/lib/apt env DEBIAN_FRONTEND=noninteractive ${apt} update`,
    `${apt} update`,
    `flock /var/lib/apt env DEBIAN_FRONTEND=noninteractive ${apt} ${install}`,
    `${apt} ${install}`,
  ]);
});
