import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { afterAll, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../vitest.soak.ts';
import { bundle, ENTRY } from '../src/bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'json-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Prints one line for each value: its JSON, or the name of the error. */
const SOURCE = `
  let state = ${soakSeed(4)};
  const random = (below) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 * below) | 0;
  const lines = [];
  const add = (make, ...rest) => {
    let line;
    try { line = String(JSON.stringify(make(), ...rest)); } catch (error) { line = error.name; }
    lines.push(line);
  };
  const nested = (depth) => { let value = []; for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { value }; return value; };
  const cycle = () => { const value = { a: [1] }; value.a.push(value); return value; };
  class Point { x = 1; #y = 2; get z() { return this.#y; } toJSON(key) { return 'point ' + key; } }
  class Plain { x = 1; get z() { return 3; } }
  const inherited = Object.create({ toJSON: () => 'inherited' });
  const deleted = { a: 1, b: 2, c: 3 };
  delete deleted.a;
  const longer = [1, 2]; longer.length = 4;
  const named = [1]; named.name = 2;
  const strange = [
    () => undefined, () => () => 1, () => Symbol('s'), () => 1n, () => [1n], () => null, () => NaN, () => -0, () => 1e300 * 10, () => 'text',
    () => new Date(0), () => new Map([[1, 2]]), () => new Number(3), () => [new String('s'), new Boolean(false), Object(1n)],
    () => [undefined, () => 1, Symbol('s'), , 1], () => ({ u: undefined, f() {}, s: Symbol('s'), [Symbol('k')]: 1 }), () => new Array(3),
    () => longer, () => named, () => deleted, () => inherited, () => [inherited], () => new Point(), () => ({ p: new Point(), q: [new Point()] }),
    () => new Plain(), () => Object.create(null), () => Object.assign(Object.create(null), { a: 1 }), () => ({ get a() { return 'got'; } }),
    () => ({ get a() { throw new RangeError(); } }), () => ({ toJSON: 1, a: 2 }), () => ({ toJSON: () => undefined }), () => [{ toJSON: () => 5 }],
    () => Object.assign([1], { toJSON: () => 'list' }), () => Object.defineProperty({ a: 1 }, 'b', { value: 2 }),
    () => Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'hidden' }), () => Object.freeze({ a: Object.freeze([1]) }),
    () => ({ b: 1, 1: 2, a: 3, 0: 4, 4294967294: 5, 4294967295: 6, '01': 7, '-1': 8 }), () => new Uint8Array(2), () => /x/, () => new Error('e'),
    () => new Proxy({ a: 1 }, { get: () => 7 }), () => [new Proxy([1, 2], {})], () => ({ a: new Proxy({}, { ownKeys: () => ['k'] }) }),
    cycle, () => nested(30), () => nested(31), () => nested(32), () => nested(33), () => nested(200), () => ({ __proto__: null, a: 1 }),
    () => JSON.parse('{"__proto__":{"a":1}}'), () => ({ '': '', ' ': ' ' }), () => 'a'.repeat(2000) + String(random(2)), () => (function () { return arguments; })(1, 2),
    () => Object.setPrototypeOf([1], null), () => Object.setPrototypeOf([1], { toJSON: () => 'other' }), () => globalThis.undefined,
  ];
  const all = () => {
    for (const make of strange) for (const rest of [[], [null, 2], [(key, value) => value], [['a', 'x']]]) add(make, ...rest);
  };
  all();
  const pieces = ['a', 'eth0', '"', '\\\\', '\\n', '\\t', '\\b', '\\f', '\\r', '\\0', '\\x1f', '\\x7f', '\\x80', '\\xff', '\\u0100', '\\u2028',
    '\\u{1f600}', '\\ud83d', '\\ude00', '\\ude00\\ud83d', '/', 'x'.repeat(500)];
  const text = () => Array.from({ length: random(4) }, () => pieces[random(pieces.length)]).join('');
  const value = (depth) => {
    const kind = random(depth > 4 ? 7 : 10);
    if (kind === 0) return text();
    if (kind < 5) return [null, true, false, random(1e9) - 5e8, random(1000) / 7][random(5)];
    if (kind === 5) return [undefined, NaN, -0, 1e21, 5e-324, 2 ** 31, -(2 ** 53)][random(7)];
    if (kind === 6) return random(20) ? text() : strange[random(strange.length)]();
    if (kind === 7) return Array.from({ length: random(5) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: random(5) }, () => [random(30) ? text() : String(random(9)), value(depth + 1)]));
  };
  for (let i = 0; i < ${soakSize(3_000, 50_000)}; i++) add(() => value(0));
  const withToJSON = (prototype) => {
    Object.defineProperty(prototype, 'toJSON', { configurable: true, value() { return 'of the prototype'; } });
    all();
    delete prototype.toJSON;
  };
  withToJSON(Object.prototype);
  withToJSON(Array.prototype);
  const parent = Object.getPrototypeOf(Array.prototype);
  Object.setPrototypeOf(Array.prototype, { toJSON: () => 'of a new parent' });
  all();
  Object.setPrototypeOf(Array.prototype, parent);
  all();
  print(JSON.stringify(lines));`;

test('JSON.stringify() in an executable returns what it returns in Node', { timeout: 300_000 }, async () => {
  const entry = join(folder, 'entry.ts');
  const output = 'globalThis.print = (text) => globalThis.__cnikit_sys.writeFdText(1, text);';
  writeFileSync(entry, SOURCE);
  const text = (await bundle(entry, {})).get(ENTRY)!;
  let expected: string[] = [];
  runInNewContext(text, { print: (line: string) => (expected = JSON.parse(line)) });
  writeFileSync(entry, `${output} ${text}`);
  const { path } = await buildStaticExecutable({ entry, outfile: join(folder, 'exe') });
  const { stdout, stderr } = spawnSync(path, { encoding: 'utf8', maxBuffer: 1 << 30 });
  expect(stderr).toBe('');
  const lines = JSON.parse(stdout) as string[];
  expect(lines).toHaveLength(expected.length);
  expect(lines.filter((line, i) => line !== expected[i]).slice(0, 5)).toEqual([]);
});
