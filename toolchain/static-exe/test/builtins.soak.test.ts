import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { afterAll, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../vitest.soak.ts';
import { bundle, ENTRY } from '../src/bundle.ts';
import { nearlyJson } from './nearly-json.ts';

const folder = mkdtempSync(join(tmpdir(), 'json-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Begins each script: `add()` notes what a function returns, or the name of its error. */
const BEGIN = `
  let state = ${soakSeed(4)};
  const random = (below) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 * below) | 0;
  const any = (list) => list[random(list.length)];
  const lines = [];
  const add = (make) => {
    let line;
    try { line = String(make()); } catch (error) { line = error.name; }
    lines.push(line);
  };
  const pieces = ['a', 'eth0', 'K', 'Eth0', '"', '\\\\', '\\n', '\\t', '\\b', '\\f', '\\r', '\\0', '\\x1f', '\\x7f', '\\x80', '\\xb5', '\\xdf', '\\xff',
    '\\u0100', '\\u0130', '\\u03a3', '\\u2028', '\\u{1f600}', '\\ud83d', '\\ude00', '\\ude00\\ud83d', '/', 'x'.repeat(500)];
  const text = () => Array.from({ length: random(4) }, () => any(pieces)).join('');`;

const END = 'print(JSON.stringify(lines));';

const STRINGIFY = `
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
    for (const make of strange) for (const rest of [[], [null, 2], [(key, value) => value], [['a', 'x']]]) add(() => JSON.stringify(make(), ...rest));
  };
  all();
  const value = (depth) => {
    const kind = random(depth > 4 ? 7 : 10);
    if (kind === 0) return text();
    if (kind < 5) return [null, true, false, random(1e9) - 5e8, random(1000) / 7][random(5)];
    if (kind === 5) return [undefined, NaN, -0, 1e21, 5e-324, 2 ** 31, -(2 ** 53)][random(7)];
    if (kind === 6) return random(20) ? text() : strange[random(strange.length)]();
    if (kind === 7) return Array.from({ length: random(5) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: random(5) }, () => [random(30) ? text() : String(random(9)), value(depth + 1)]));
  };
  for (let i = 0; i < ${soakSize(3_000, 50_000)}; i++) add(() => JSON.stringify(value(0)));
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
  all();`;

const PARSE = `
  // V8 reads {"a\\n":1} as {"a\\\\":1} if it has just read the latter.
  const key = () => (random(9) ? text().replaceAll('\\\\', '') : String(random(9)));
  const value = (depth) => {
    const kind = random(depth > 4 ? 3 : 6);
    if (kind === 0) return text();
    if (kind === 1) return any([null, true, false, random(1e9) - 5e8, random(1000) / 7, 1e21]);
    if (kind === 2) return '';
    if (kind === 3) return Array.from({ length: random(5) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: random(5) }, () => [key(), value(depth + 1)]));
  };
  const wrong = ['', '"', '{', '}', '[', ']', ':', ',', 'x', ' ', '\\t', '\\n', '\\x01', '\\xe9', '\\u2028', '\\u{1f600}', '"a"', '""'];
  for (const json of ['', '"', '"a', '"\\t"', '"\\x01"', '"a"b', '""', '{"a":1,"a":2}', '{"":""}', '"\\x7f"', '"\\xe9"', '"\\ud83d"', '\\ufeff1', '-0', '0', '-1', '01', '00', '1.0', '1e1', '1E1', '-', '123456789',
    '-123456789', '1234567890', 'true', 'truex', 'tru', 'nul', 'null ', '[1,]', '[,1]', '{"a":1,}', '{,}', '{"a"}', '{"a":}', '[1 2]', '1\\x00', '{"0":1,"b":2,"1":3}',
    '{"__proto__":1,"a":{"__proto__":[]}}', '{"a":{"b":1},"a":[2],"c":3}', '['.repeat(40) + ']'.repeat(40), ' [ 1 , { "a" : [ ] , "b" : { } } ] '])
    add(() => JSON.stringify(JSON.parse(json)));
  for (let i = 0; i < ${soakSize(3_000, 50_000)}; i++) {
    const json = JSON.stringify(value(0), null, random(2) * 2);
    add(() => JSON.stringify(JSON.parse(json)));
    const at = random(json.length + 1);
    const changed = json.slice(0, at) + any(wrong) + json.slice(at + random(2));
    // It may have a key with a backslash.
    if (!changed.includes('\\\\')) add(() => JSON.stringify(JSON.parse(changed)));
  }`;

const OTHERS = `
  const regexps = ['^[a-z]+$', 'e(t)(h)?', '\\\\d', '', '(a)|(K)', '^[\\\\w.-]{1,15}$', '[^\\\\x00-\\\\x7f]', '(?<n>x)', '(' .repeat(20) + ')'.repeat(20), '(?:a+)+b'];
  const flags = ['', '', 'i', 'u', 'g', 'y', 'd'];
  const numbers = [undefined, -Infinity, -3, -1, 0, 1, 2, 3.5, 7, 100, NaN, '2', null];
  const classes = [Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Int32Array, Float64Array, BigInt64Array];
  class Bytes extends Uint8Array {}
  const show = (list) => Object.prototype.toString.call(list) + (list instanceof Bytes) + list.length + ' ' + list + ' ' + list.byteOffset;
  const arrays = () => {
    for (const Class of [...classes, Bytes]) {
      const list = Class === BigInt64Array ? Class.of(1n, 2n, 3n, 4n) : Class.from([1, 2, 3, 4]);
      const [from, to] = [any(numbers), any(numbers)];
      add(() => show(list.slice(from, to)));
      add(() => show(list.subarray(from, to)));
      add(() => show(list.subarray(1).subarray(from, to).slice(to)));
      add(() => { const part = list.slice(); part[0] = list[1]; return show(list) + show(part); });
      add(() => { const part = list.subarray(1); part[0] = list[0]; return show(list); });
      add(() => { Object.defineProperty(list, 'constructor', { value: any([Bytes, Uint8Array, undefined, 1, Array]) }); return show(list.slice(1)) + show(list.subarray(1)); });
    }
  };
  for (let i = 0; i < ${soakSize(1_500, 20_000)}; i++) {
    const [a, b, at] = [text(), random(2) ? any(pieces) : text(), any(numbers)];
    for (const name of ['toLowerCase', 'toUpperCase']) add(() => a[name]());
    for (const name of ['includes', 'startsWith', 'endsWith', 'indexOf', 'lastIndexOf']) {
      add(() => a[name](b));
      add(() => (a + b + a)[name](b, at));
      add(() => a[name](any(['', undefined, 1, null, /x/, { toString: () => 'a' }])));
    }
    add(() => {
      const regexp = new RegExp(any(regexps), any(flags));
      if (random(9) === 0) regexp.lastIndex = any([1, -1, 2 ** 40, '1', { valueOf: () => { throw new RangeError(); } }]);
      if (random(9) === 0) regexp.exec = any([() => null, () => [], () => 1, undefined]);
      const subject = any([a, b, a + b, 12, null]);
      return regexp.test(subject) + ' ' + regexp.test(subject) + ' ' + String(random(9) && regexp.lastIndex);
    });
    if (i % 10 === 0) arrays();
  }
  const with_ = (object, name, descriptor, body) => {
    const before = Object.getOwnPropertyDescriptor(object, name);
    Object.defineProperty(object, name, { ...descriptor, configurable: true });
    body();
    if (before) Object.defineProperty(object, name, before); else delete object[name];
  };
  const TypedArray = Object.getPrototypeOf(Uint8Array);
  const test = () => { for (const flag of flags) add(() => new RegExp('a', flag).test('ba')); };
  with_(TypedArray, Symbol.species, { get: () => Uint16Array }, arrays);
  with_(Uint8Array, Symbol.species, { value: Bytes }, arrays);
  with_(Uint8Array.prototype, 'constructor', { value: Int8Array }, arrays);
  with_(Uint8Array.prototype, 'constructor', { get: () => { throw new RangeError(); } }, arrays);
  with_(RegExp.prototype, 'exec', { value: () => null }, test);
  with_(RegExp.prototype, 'exec', { get: () => { throw new RangeError(); } }, test);
  arrays();
  test();`;

const PROPERTIES = `
  // The bodies of classes are strict in both.
  class Use {
    static get(o) { return [o.a, o.length, o.b, typeof o.slice, typeof o.constructor]; }
    static zero({ 0: x, 1: y, length }) { return [x, y, length]; }
    static set(o) { o.a = 5; return [o.a, Object.hasOwn(o, 'a'), o.seen]; }
    static setTwice(o) { o.a = [1]; o.a = { b: o.a }; return o.a; }
    static setLength(o) { o.length = 1; return [o.length, o[1]]; }
    static add(o) { o.a += 1; o.b ??= 2; o.a++; return [o.a, o.b]; }
    static delete(o) { const first = o.a; delete o.a; return [first, o.a, o.b]; }
    static late(o) { const first = o.late; Object.prototype.late = 3; const then = o.late; delete Object.prototype.late; return [first, then, o.late]; }
  }
  class Point { a = 1; #p = 2; get b() { return this.#p; } set b(p) { this.#p = p; } static a = 3; }
  const show = (value) => (Object(value) !== value ? String(value) : Object.keys(value).map((key) => key + ':' + show(value[key])).join());
  const frozen = Object.freeze({ a: 1 });
  const seeing = { get a() { return 'got'; }, set a(value) { this.seen = value; } };
  const proxy = (target) => new Proxy(target, { get: (o, name) => 'proxy ' + String(name), set: () => true, has: () => true });
  const objects = [
    () => ({ a: 1 }), () => ({}), () => Object.create({ a: 1 }), () => Object.create(Object.create({ a: 1, b: 2 })), () => Object.create(null), () => frozen,
    () => Object.create(frozen), () => Object.create(seeing), () => Object.create(Object.create(seeing)), () => ({ get a() { return 1; } }),
    () => ({ set a(value) {} }), () => proxy({}), () => Object.create(proxy({})), () => Object.create(proxy([])), () => [7, 8, 9], () => [, 8], () => [],
    () => Object.assign([1, 2], { a: 1 }), () => Object.create([1, 2]), () => Object.freeze([1, 2]), () => Object.setPrototypeOf([1], null),
    () => Object.setPrototypeOf([1], { 1: 'one', a: 'inherited', slice() {} }), () => Object.defineProperty([1, 2], 'length', { writable: false }),
    () => Object.defineProperty([1, 2], 1, { value: 3, configurable: false }), () => Object.setPrototypeOf([1], proxy({})), () => new (class extends Array { a = 1; })(3),
    () => new Uint8Array([1, 2]), () => Object.create(new Uint8Array([1, 2])), () => Object.assign(new Uint8Array(1), { a: 1 }), () => 'ab', () => '', () => 12, () => true,
    () => 1n, () => Symbol('s'), () => null, () => undefined, () => (() => 1), () => Point, () => new Point(), () => (function () { return arguments; })(1, 2),
    () => new Map(), () => new String('ab'), () => Object.preventExtensions({}), () => Object.defineProperty({}, 'a', { value: 1 }), () => new Date(0), () => /x/,
  ];
  const all = () => {
    for (const make of objects) {
      for (const name of ['get', 'zero', 'set', 'setTwice', 'setLength', 'add', 'delete', 'late']) {
        for (let twice = 0, value = undefined; twice < 2; twice++) {
          add(() => show(Use[name]((value ??= make()))));
        }
      }
    }
  };
  all();
  Object.defineProperty(Array.prototype, 1, { configurable: true, get: () => 'of all arrays' });
  Object.prototype.a = 'of all objects';
  all();
  delete Array.prototype[1];
  delete Object.prototype.a;
  all();`;

test.each([
  ['JSON.stringify()', STRINGIFY],
  ['JSON.parse()', PARSE],
  ['JSON.parse() of texts that are almost JSON', nearlyJson(soakSize(500, 20_000))],
  ['functions of strings, regular expressions and typed arrays', OTHERS],
  ['access to properties', PROPERTIES],
])('%s in an executable: the same results as in Node', async (_, source) => {
  const entry = join(folder, 'entry.ts');
  const output = 'globalThis.print = (text) => globalThis.__cnikit_sys.writeFdText(1, text);';
  writeFileSync(entry, BEGIN + source + END);
  const text = (await bundle(entry, {})).get(ENTRY)!;
  let expected: string[] = [];
  runInNewContext(text, { print: (line: string) => (expected = JSON.parse(line)) });
  writeFileSync(entry, `${output} ${text}`);
  const { path } = await buildStaticExecutable({ entry, outfile: join(folder, 'exe') });
  const { stdout, stderr } = spawnSync(path, { encoding: 'utf8', maxBuffer: 1 << 30 });
  expect(stderr).toBe('');
  const lines = JSON.parse(stdout) as string[];
  expect(lines).toHaveLength(expected.length);
  const different = lines.flatMap((line, i) => (line === expected[i] ? [] : [[i, line, expected[i]]]));
  expect(different.slice(0, 5)).toEqual([]);
});
