import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SysError } from '../error.ts';
import { binding } from './unsupported.ts';

const root = join(import.meta.dirname, '..', '..');

describe('the adapter for other runtimes', () => {
  test('the unsupported adapter throws at the first call', () => {
    expect(() => binding.getpid()).toThrow(SysError);
    expect(() => binding.getpid()).toThrow('the condition "node" or "quickjs"');
  });
});

describe('the Node adapter', () => {
  test('the Node adapter imports without its addon and reports the paths that it tried', () => {
    const dir = mkdtempSync(join(tmpdir(), 'no-addon-'));
    try {
      for (const name of ['src', 'package.json']) {
        cpSync(join(root, name), join(dir, name), { recursive: true });
      }
      const source = `
        import { sys } from '${dir}/src/index.ts';
        console.log('imported');
        try { sys.getpid() } catch (error) { console.log(error.code, error.message) }`;
      const args = ['--conditions=@cnikit/source', '--input-type=module', '-e', source];
      const out = execFileSync(process.execPath, args, { encoding: 'utf8' });
      expect(out).toMatch(/^imported\nENOSYS @cnikit\/sys has no native part for linux-/);
      expect(out).toContain('npx cnikit-sys-build');
      expect(out).toContain(join(dir, 'prebuilds'));
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
