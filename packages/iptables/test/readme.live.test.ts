import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { nodeRun } from '../src/node-run.ts';
import { realHost } from './real-host.ts';

const sandboxed = process.env.CNIKIT_SANDBOX === '1';
const folder = fileURLToPath(new URL('.', import.meta.url));
const blocks = ['../README.md', '../src/index.ts', '../src/testing/index.ts'].flatMap((file) => {
  const text = readFileSync(join(folder, file), 'utf8').replace(/^ \* ?/gm, '');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code], i) => ({
    name: `${file} ${i + 1}`,
    code: code as string,
  }));
});

describe.skipIf(!sandboxed)('Documented examples (needs the sandbox: run npm test at the root)', () => {
  beforeAll(() => void realHost());

  test('The documentation contains examples', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(6);
  });

  test.each(blocks)('The example $name runs', ({ code }) => {
    const scratch = mkdtempSync(join(folder, 'example-'));
    try {
      const script = join(scratch, 'example.ts');
      writeFileSync(script, code);
      const result = nodeRun([process.execPath, '--conditions=@cnikit/source', script]);
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(result.stdout).not.toBe('');
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});
