import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { execute } from './command.ts';

const PROGRAM = fileURLToPath(new URL('../../../tools/sandbox.mjs', import.meta.url));
const inSandbox = (...argv: string[]) => [process.execPath, PROGRAM, ...argv];

// Sandboxes can be nested, so these tests do not change the machine either.
describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'sandbox.mjs (needs the sandbox: run npm test at the root)',
  () => {
    test.for(['net', 'mnt', 'pid', 'ipc', 'uts'])('sandbox.mjs creates a %s namespace', async (kind) => {
      const { stdout } = await execute(inSandbox('readlink', `/proc/self/ns/${kind}`));
      expect(stdout.trim()).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
    });

    test('sandbox.mjs hides the CNI directories and /run', async () => {
      const { stdout } = await execute(inSandbox('ls', '/etc/cni', '/opt/cni', '/var/lib/cni', '/run/netns'));
      expect(stdout).toBe('/etc/cni:\n\n/opt/cni:\n\n/var/lib/cni:\n');
    });

    test('sandbox.mjs passes on arguments, input and exit status', async () => {
      const { status, stdout } = await execute(inSandbox('cat'), { input: "a 'b' $c\n" });
      expect({ status, stdout }).toEqual({ status: 0, stdout: "a 'b' $c\n" });
      expect((await execute(inSandbox('sh', '-c', 'exit 7'))).status).toBe(7);
      expect((await execute(inSandbox('/no/such/program'))).status).toBe(127);
    });

    test('sandbox.mjs forwards signals and exits with their status', async () => {
      const [file = '', ...args] = inSandbox('sh', '-c', 'echo ready; exec sleep infinity');
      const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([143, null]);
    });

    test('sandbox.mjs ends all its processes when it is killed', async () => {
      const [file = '', ...args] = inSandbox('sh', '-c', 'sleep infinity & echo ready; wait');
      const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      // The pipe ends when its last writer exits, and the background sleep is one.
      await once(child.stdout.resume(), 'end');
    });
  },
);
