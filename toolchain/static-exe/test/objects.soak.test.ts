import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { afterAll, expect, test } from 'vitest';
import { SOAK } from '../../../vitest.soak.ts';
import { bundle, ENTRY } from '../src/bundle.ts';
import { literalCases } from './literal-cases.ts';
import { asyncCases, objectCases } from './object-cases.ts';
import { shortenCases } from './shorten-cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'objects-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const all = [...objectCases, ...literalCases, ...shortenCases, ...asyncCases];

/** Runs each case twice, because the engine makes some built-in functions when they are first used. */
const SCRIPT = `
  const text = (value) => JSON.stringify(value, (_, one) =>
    one === undefined ? 'undefined' : typeof one === 'function' ? 'function ' + one.name : typeof one === 'bigint' ? String(one) : one);
  const outcome = (run) => {
    try { return run(); } catch (error) { return error instanceof Error ? error.name : error; }
  };
  globalThis.kept = { text: 'ab'.repeat(9) + 'c', key: 'k'.repeat(13), pattern: 'ab'.repeat(2), other: 'o'.repeat(7), symbol: Symbol('kept'), big: 2n ** 70n,
    list: ['l'.repeat(11)], map: new Map([['then', 1]]), rope: Array.from({ length: 3 }, (_, i) => 'r'.repeat(9000 + i)).reduce((a, b) => a + b), count: 0 };
  globalThis.__cnikit_main = async () => {
    const out = [];
    for (const run of [${all.join(',\n')}]) out.push([text(await outcome(run)), text(await outcome(run))]);
    const print = globalThis.print ?? ((text) => __cnikit_sys.writeFdText(1, text));
    print(JSON.stringify(out));
  };`;

test.each(SOAK ? [false, true] : [false])(
  'an executable makes functions, arrays, objects, strings, iterations and conditions as Node does (sanitize: %s)',
  async (sanitize) => {
    const entry = join(folder, 'entry.ts');
    // A sanitized executable has no snapshot, so it is not prepared.
    writeFileSync(entry, sanitize ? `${SCRIPT}\n__cnikit_main();` : SCRIPT);
    // The bundler already evaluates some expressions, so both run its text.
    const script = (await bundle(entry, {})).get(ENTRY)!;
    const expected = await new Promise<string>((print) => {
      runInNewContext(`'use strict';${script};${sanitize ? '' : '__cnikit_main()'}`, { print });
    });
    const outfile = join(folder, `exe-${sanitize}`);
    const { path } = await buildStaticExecutable({ entry, outfile, prepare: !sanitize, sanitize });
    const { stdout, stderr } = spawnSync(path, [], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const [used, wanted]: string[][][] = [stdout, expected].map((one) => JSON.parse(one));
    const different = all.flatMap((source, i) =>
      `${used![i]}` === `${wanted![i]}` ? [] : [{ source, used: used![i], wanted: wanted![i] }],
    );
    expect(different).toEqual([]);
  },
);
