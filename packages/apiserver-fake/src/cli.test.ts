import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { type ControlClient, controlClient } from './control.ts';

const CLI = fileURLToPath(new URL('./cli.ts', import.meta.url));

describe('the server as a process', () => {
  const directory = mkdtempSync(join(tmpdir(), 'apiserver-'));
  const socket = join(directory, 'control.sock');
  let child: ChildProcess;
  let control: ControlClient;

  beforeAll(async () => {
    const kubeconfig = join(directory, 'kubeconfig');
    child = spawn(process.execPath, [CLI, '--control', socket, '--kubeconfig', kubeconfig], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout!, 'data');
    control = controlClient(socket);
  });
  afterAll(() => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });

  test('cli.ts accepts nodes and faults on its control port', async () => {
    const put = await control.nodes.put({ metadata: { name: 'n1' } });
    expect(put.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect((await control.nodes.list()).map((n) => n.metadata.name)).toEqual(['n1']);
    expect(await control.nodes.get('none')).toBeNull();
    await control.call('faults.failNext', 1, 503, { verb: 'list' });
    expect(await control.call('faults.dropWatches')).toBe(0);
    await control.nodes.delete('n1');
    await expect(control.nodes.delete('n1')).rejects.toThrow('not found');
    await expect(control.call('faults.constructor')).rejects.toThrow('No such control call');
  });

  test('cli.ts writes a kubeconfig, stops, starts, and exits on SIGTERM', async () => {
    expect(readFileSync(join(directory, 'kubeconfig'), 'utf8')).toContain('certificate-authority-data');
    await control.call('stop');
    await control.call('start');
    const { url } = await control.call<{ url: string }>('info');
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(existsSync(socket)).toBe(false);
  });
});

test.each([
  [['extra'], 2, "Unexpected argument 'extra'"],
  [['--nope'], 2, "Unknown option '--nope'"],
  [['--port', 'http'], 2, 'Invalid --port "http": expected a number from 0 to 65535'],
  [['--nodes', CLI], 1, `Cannot parse --nodes ${CLI}: `],
  [['--rbac', '/nothing'], 1, "ENOENT: no such file or directory, open '/nothing'"],
])('cli.ts %j exits and prints one message', (argv, status, message) => {
  const result = spawnSync(process.execPath, [CLI, ...argv], { encoding: 'utf8' });
  expect(result).toMatchObject({ status, stdout: '' });
  expect(result.stderr).toContain(`cnikit-apiserver-fake: ${message}`);
  expect(result.stderr).not.toContain(' at ');
});

test('cli.ts --version prints the version', () => {
  const result = spawnSync(process.execPath, [CLI, '--version'], { encoding: 'utf8' });
  expect(result).toMatchObject({ status: 0, stdout: `${packageJson.version}\n`, stderr: '' });
});
