import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runPlugin } from './run-plugin.ts';

let dir: string;
let plugin: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cnikit-plugin-'));
  plugin = join(dir, 'plugin');
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(script: string): void {
  writeFileSync(plugin, `#!/bin/sh\n${script}\n`);
  chmodSync(plugin, 0o755);
}

test('runPlugin() passes the search path of its caller, not that of this process', async () => {
  write(`echo "$PATH $CNI_PATH $CNI_COMMAND" >${dir}/environment`);
  await runPlugin({ plugin, searchPath: '/search' }, { CNI_COMMAND: 'DEL' }, {});
  expect(readFileSync(join(dir, 'environment'), 'utf8')).toBe(`/search ${dir} DEL\n`);
});

test('runPlugin() rejects with the message of the plugin', async () => {
  write(`echo '{"code":7,"msg":"no"}'; exit 1`);
  await expect(runPlugin({ plugin, searchPath: undefined }, {}, {})).rejects.toThrow(/^no$/);
});
