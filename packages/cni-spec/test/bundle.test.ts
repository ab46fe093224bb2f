import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

const src = join(import.meta.dirname, '../src');

/** Bundles an entry without zod into a script that exports to the global `spec`. */
async function bundle(entry: string, conditions: string[]): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(src, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    globalName: 'spec',
    platform: 'neutral',
    target: 'es2023',
    conditions: ['@cnikit/source', ...conditions],
    external: ['zod', 'zod/*', 'node:*'],
  });
  return outputFiles[0]!.text;
}

describe('@cnikit/cni-spec as a bundle', () => {
  // The limit is 20 KB because a plugin loads all of it at each start.
  test.each([
    ['index.ts', 20_000],
    ['runtime/index.ts', 20_000],
  ])('The bundle of %s has at most %d bytes, minified and gzipped, without zod', async (entry, limit) => {
    const { outputFiles } = await build({
      entryPoints: [join(src, entry)],
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'neutral',
      conditions: ['@cnikit/source'],
      external: ['zod', 'zod/*'],
    });
    const size = gzipSync(outputFiles[0]!.text).length;
    console.log(`${entry}: ${size} bytes`);
    expect(size).toBeLessThanOrEqual(limit);
  });

  test('The bundle of index.ts runs in a bare JavaScript engine and does not contain zod', async () => {
    const text = await bundle('index.ts', ['quickjs']);
    expect(text).not.toContain('zod');
    // A fresh context has no process, Buffer, TextEncoder, URL, timers or console.
    const context = createContext({});
    runInContext(text, context);
    const call = (env: object, stdin: string) =>
      runInContext(
        `JSON.stringify(spec.dispatch(spec.definePlugin({ about: 'x', add: ({ prevResult }) => prevResult }), { env: ${JSON.stringify(env)}, stdin: ${JSON.stringify(stdin)} }))`,
        context,
      );
    const env = {
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'c',
      CNI_NETNS: '/n',
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/p',
    };
    const prevResult = { cniVersion: '0.4.0', ips: [{ version: '6', address: 'fd00::5/64' }] };
    expect(
      JSON.parse(
        JSON.parse(call(env, JSON.stringify({ cniVersion: '1.1.0', name: 'n', prevResult }))).stdout,
      ),
    ).toEqual({
      cniVersion: '1.1.0',
      ips: [{ address: 'fd00::5/64' }],
    });
    const bad = JSON.stringify({ cniVersion: '1.1.0', name: 'n', dns: 1 });
    expect(JSON.parse(JSON.parse(call(env, bad)).stdout)).toMatchObject({
      code: 6,
      msg: expect.stringContaining('CNI specification'),
    });
    runInContext(
      "globalThis.__cnikit_load = (script) => ({ explain: (name, value) => [script, name, value.dns].join(' ') })",
      context,
    );
    expect(JSON.parse(JSON.parse(call(env, bad)).stdout).msg).toContain('explain networkConfig 1');
  });
});
