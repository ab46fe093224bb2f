import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

const src = join(import.meta.dirname, '../src');

async function bundle(entry: string, format: 'esm' | 'iife'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(src, entry)],
    bundle: true,
    minify: true,
    write: false,
    format,
    globalName: 'ipam',
    platform: 'neutral',
    target: 'es2023',
    conditions: ['@cnikit/source'],
    external: ['@cnikit/sys'],
  });
  return outputFiles[0]!.text;
}

describe('@cnikit/ipam as a bundle', () => {
  // The limit is 12 KB because the code is part of an executable that starts twice per pod.
  test.each([
    ['index.ts', 12_000],
    ['file-store.ts', 12_000],
    ['testing.ts', 12_000],
  ])('The bundle of %s has at most %d bytes, minified and gzipped', async (entry, most) => {
    const size = gzipSync(await bundle(entry, 'esm')).length;
    console.log(`${entry}: ${size} bytes`);
    expect(size).toBeLessThanOrEqual(most);
  });

  test('The bundle of index.ts runs in an engine that has nothing but the language', async () => {
    const text = await bundle('index.ts', 'iife');
    expect(text).not.toContain('@cnikit/sys');
    // A fresh context has no process, Buffer, TextEncoder, URL, timers or console.
    const context = createContext({});
    runInContext(text, context);
    const script = `
      const { rangeSets } = ipam.parseIpamConfig({ ipam: { ranges: [[{ subnet: '10.1.2.0/24' }], [{ subnet: 'fd00::/64' }]] } });
      const pool = new ipam.Ipam({ rangeSets, store: ipam.memoryStore() });
      JSON.stringify([pool.add({ containerID: 'a', ifName: 'eth0' }).ips, pool.del({ containerID: 'a', ifName: 'eth0' })]);
    `;
    expect(JSON.parse(runInContext(script, context))).toEqual([
      [
        { address: '10.1.2.2/24', gateway: '10.1.2.1' },
        { address: 'fd00::2/64', gateway: 'fd00::1' },
      ],
      ['10.1.2.2', 'fd00::2'],
    ]);
  });
});
