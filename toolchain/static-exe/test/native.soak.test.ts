import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { afterAll, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../vitest.soak.ts';

const folder = mkdtempSync(join(tmpdir(), 'native-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const source = (path: string) =>
  JSON.stringify(new URL(`../../../packages/${path}`, import.meta.url).pathname);

/** Calls each function in both forms, in the executable, and prints the calls with different outcomes. */
const COMPARISON = `
  import * as ip from ${source('ip/src/text.ts')};
  import * as codec from ${source('netlink/src/codec/native.ts')};
  import * as blank from ${source('netlink/src/blank.ts')};
  import { fillMessage } from ${source('netlink/src/fill-message.ts')};
  import { Encoder } from ${source('netlink/src/codec/encoder.ts')};
  import { COMMENT_TEXT, ENCODED, putAttributes } from ${source('netlink/src/netfilter/attributes.ts')};
  import { digest } from ${source('plugin/src/links/digest.ts')};
  import { isIdentifier, lacksKeys } from ${source('cni-spec/src/native.ts')};
  import { isIdentifier as isIdentifierOfIpam } from ${source('ipam/src/native.ts')};
  import * as words from ${source('ipam/src/words.ts')};
  import { normaliseKeys } from ${source('cni-spec/src/keys.ts')};
  const inC = __cnikit_native;
  let state = ${soakSeed(3)};
  const random = (below) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 * below) | 0;
  const any = (list) => list[random(list.length)];
  const bad = [];
  let calls = 0;
  /** Runs \`use\` with a function of each form and compares what it returns. */
  const compare = (name, ofPackage, use) => {
    calls++;
    const [a, b] = [ofPackage, inC[name]].map((how) => {
      try { return String(use(how)); } catch (error) { return error.name; }
    });
    if (a !== b) bad.push([name, use.toString(), a, b]);
  };
  const numbers = [0, 1, 127, 128, 255, 256, 65535, 65536, 2 ** 31 - 1, -1, -(2 ** 31)];
  const texts = ['', 'eth0', 'a\\0b', 'é', '\\u2028', '\\u{1f600}', 'k8s', 'x'.repeat(600), '02:00:5e:10:00:01', '0A:fF', '0:1',
    '00:00:', ':00:00', '0g:00', '00-00', 'é0:00', '\\u20280:00', Array(32).fill('ab').join(':'), Array(33).fill('ab').join(':')];
  for (let i = 0; i < ${soakSize(4_000, 40_000)}; i++) {
    const at = any([-1, 0, 1, 3, 9, 20, 29, 31, 32, 40]);
    const [value, little, text] = [any(numbers), random(2) === 0, any(texts) + any(['', any(texts)])];
    const filled = () => Uint8Array.from({ length: 32 }, (_, i) => i * 37);
    const into = (how, call) => { const bytes = filled(); return call(how, bytes) + ' ' + bytes; };
    compare('writeU16', codec.writeU16, (how) => into(how, (f, b) => f(b, at, value, little)));
    compare('writeU32', codec.writeU32, (how) => into(how, (f, b) => f(b, at, value, little)));
    compare('readU16', codec.readU16, (how) => how(filled(), at, little));
    compare('readI32', codec.readI32, (how) => how(filled(), at, little));
    const length = 4 + random(12);
    compare('writeHeader', codec.writeHeader, (how) => into(how, (f, b) => f(b, at, length, value, little)));
    const body = new Uint8Array(random(14)).fill(7);
    compare('writeMessage', codec.writeMessage, (how) => {
      const bytes = new Uint8Array(32);
      // Without room both refuse, and only C before it writes.
      return how(bytes, Math.max(at, 0), 16, 5, value, value, body, little) + ' ' + bytes;
    });
    const size = any([15, 16, 20, 40, 41]);
    const datagram = new Uint8Array(40);
    const inBody = new Uint8Array(Math.min(size, 40) - Math.min(size, 16));
    codec.writeMessage(datagram, 0, any([2, 24]), 0, any([value, 7]), any([value, 9]), inBody, true);
    for (const args of [[size, value, value], [size, 7, value], [any([16, 20, 36]), value, 9]]) {
      compare('answerType', codec.answerType, (how) => how(datagram, ...args));
    }
    compare('writeMac', codec.writeMac, (how) => {
      const bytes = new Uint8Array(40);
      return how(text, bytes, 1) > 0 && bytes;
    });
    const some = () => any([value, value / 2, true, undefined, {}, text, text.slice(0, 4), 'eth0', '\\u0141\\u20281', '02:00:5e:10:00:0' + any('0fFg'),
      any(['10.1.2.3', '1.2.3', 'fd00::1', '::ffff:1.2.3.4']) + any(['', '/', '/0', '/24', '/30', '/31', '/32', '/128'])]);
    const blanks = [];
    const values = { a: some(), b: some(), c: some() };
    const keys = Array.from({ length: random(4) }, () => any(['a', 'b', 'c', 'd']));
    for (const _ of keys) {
      const kind = random(blank.BROADCAST);
      const sizes = { [blank.NUMBER]: [4], [blank.MAC]: [6], [blank.ADDRESS]: [4, 16], [blank.PREFIX]: [4, 16], [blank.EUI64]: [8] };
      blanks.push(kind, any(sizes[kind] ?? [1, 4, 5]), random(24), kind === blank.BIT ? 0 : any([0, 40]));
    }
    if (random(2) === 0 && keys.length > 1) {
      keys[1] = keys[0];
      values[keys[0]] = any(['10.1.2.3/', '0.0.0.0/', '10.255.0.1/']) + random(34);
      blanks.splice(0, 8, blank.PREFIX, 4, 4, 8, blank.BROADCAST, 4, 12, 0);
    }
    const form = [16, 5, new Uint8Array(60).fill(3), keys, blanks];
    const room = any([75, 76, 80, 80]);
    compare('fillMessage', fillMessage, (how) => {
      const bytes = new Uint8Array(room);
      return how(bytes, 4, form, 256, value, value, values) && bytes;
    });
    const noted = Uint8Array.from([...text.slice(0, 20)].map((one) => one.charCodeAt(0)).concat(any([[], [0], [128, 65]]), 66));
    const end = any([0, 3, noted.length, 40]);
    compare('readPlain', codec.readPlain, (how) => how(noted, at, end));
    compare('formatMac', codec.formatMac, (how) => how(filled(), at & 15, (at & 15) + length));
    const digits = 1 + i % 12;
    compare('digest', digest, (how) => how(text, digits));
    const id = text + any(['', 'Z9', 'z_.-', '@', '[', '\`', '{', '/', ':', '\\n', '\\u0141', '\\u2028']);
    compare('isIdentifier', isIdentifier, (how) => [how(id), how(id.slice(-1)), how(id + id)]);
    compare('isIdentifier', isIdentifierOfIpam, (how) => [how(id), how(id.slice(-1)), how(id + id)]);
    const plain = inC.plainLength(text);
    const isPlain = !/[^\\x01-\\x7f]/.test(text);
    if (plain !== (isPlain ? text.length : -1)) bad.push(['plainLength', text, plain]);
    if (isPlain) compare('writePlain', codec.writePlain, (how) => into(how, (f, b) => f(text.slice(0, 30), b, at)));
    // Keys: C may leave a value to JavaScript, but may not keep one that JavaScript changes.
    const table = { name: null, IPs: { address: null, gateway: 'nullable' }, runtimeConfig: { portMappings: { hostPort: null } } };
    const key = () => any(['name', 'Name', 'NAME', 'IPs', 'ips', 'address', 'Address', 'gateway', 'runtimeConfig', 'portMappings', 'hostPort',
      'HOSTPORT', 'hostPorts', 'other', '0', '12', '__proto__', '\\u212aey', 'n\\u00e4me', '\\u2028']);
    const make = (depth) => {
      const kind = random(depth > 3 ? 4 : 7);
      if (kind < 4) return [null, 'x', 1, true][kind];
      if (kind === 4) return Array.from({ length: random(3) }, () => make(depth + 1));
      return JSON.parse('{' + Array.from({ length: random(4) }, () => JSON.stringify(key()) + ':' + JSON.stringify(make(depth + 1))).join() + '}');
    };
    const given = make(0);
    calls += 2;
    // C may be unsure, but may not overlook a key.
    if (inC.lacksKeys(given, table) && !lacksKeys(given, table)) bad.push(['lacksKeys', JSON.stringify(given)]);
    if (inC.hasNormalKeys(given, table) && JSON.stringify(normaliseKeys(given, table)) !== JSON.stringify(given)) {
      bad.push(['hasNormalKeys', JSON.stringify(given)]);
    }
  }
  let encoded = 0;
  const attributes = (depth) => Array.from({ length: random(5) }, () => {
    const value = any([() => any(texts), () => any([0, 1, 1.5, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -1, NaN]), () => new Uint8Array(random(9)).fill(7),
      () => null, () => 'net/4f1c/eth0', () => new Uint8Array(any([0, 4, 900])), () => (depth > 4 ? null : attributes(depth + 1))])();
    const type = 1 + random(3) + (typeof value === 'string' && random(3) === 0 ? COMMENT_TEXT : 0);
    return [value instanceof Uint8Array && random(2) === 0 ? ENCODED : type, value];
  }).flat();
  for (let i = 0; i < ${soakSize(4_000, 40_000)}; i++) {
    const list = attributes(0);
    const head = any([0, 1 << 24, 10 << 24]);
    const bytes = inC.encodeAttributes(head, list);
    if (bytes !== undefined) {
      encoded++;
      const expected = String(putAttributes(new Encoder('little').putBe32(head), list).finish());
      if (String(bytes) !== expected) bad.push(['encodeAttributes', String(bytes), expected]);
      for (let changes = random(3); changes > 0; changes--) bytes[random(bytes.length)] = random(20);
      const path = Array.from({ length: random(4) }, () => 1 + random(3));
      const [start, end] = [any([0, 4, 5]), bytes.length + any([0, 0, 3])];
      compare('findAttribute', codec.findAttribute, (how) => how(bytes, start, end, path));
    }
  }
  for (const list of [undefined, {}, [1], [1, undefined], [1.5, 'a'], ['1', 'a'], [1, true], [0, 'a'], [1, 'a'.repeat(1025)], [1 + COMMENT_TEXT, 'a'.repeat(129)]]) {
    if (inC.encodeAttributes(0, list) !== undefined) bad.push(['encodeAttributes', String(list)]);
  }
  const addresses = ['', ':', '::', ':::', '1.2.3.4', '01.2.3.4', '1.2.3.256', '1.2.3', '1.2.3.4.5', '::1', '1::', 'fd00::1:2',
    '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8::', '::ffff:1.2.3.4', '1:2:3:4:5:6:1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.4.5', 'fe80::1%eth0', '12345::', '::G', '1:', ':1', '1::2::3', 'ABCD:ef01::', 'é::1',
    '1.2.3.4\\u2028', '\\u2028::1', '0.0.0.0', '255.255.255.255', '1..2.3', '1.2.3.4 ', '1.2.3.4/', '1.2.3.4/024', '::/0', '1::/128',
    '1.2.3.4/33', '1.2.3.4/2/4'];
  for (let i = 0; i < ${soakSize(20_000, 200_000)}; i++) {
    const text = any(addresses.slice(0, 40));
    const at = random(text.length + 1);
    addresses.push(text.slice(0, at) + ':./0123459fg'[random(12)] + text.slice(at + random(3)));
  }
  for (const text of addresses) {
    for (const [from, to] of [[0, text.length], [1, text.length], [0, text.length - 1]].filter(([a, b]) => a <= b)) {
      compare('writeAddress', ip.writeAddress, (how) => {
        const into = new Uint8Array(40);
        const size = how(text, from, to, into, 3);
        return size + ' ' + into.slice(3, 3 + size);
      });
    }
    compare('writePrefix', ip.writePrefix, (how) => {
      const into = new Uint8Array(17);
      const size = how(text, text.length % 2 === 0, into);
      return size + ' ' + into.slice(0, size) + (size > 0 ? '/' + into[16] : '');
    });
    const bytes = Uint8Array.from({ length: 24 }, () => any([0, 0, 0, 1, 10, 99, 255]));
    bytes.fill(0, random(24), random(24));
    if (random(4) === 0) bytes.fill(255, 12, 14);
    for (const [start, length] of [[0, 4], [5, 4], [2, 16], [8, undefined], [20, undefined]]) {
      compare('formatAddress', ip.formatAddress, (how) => how(bytes, start, length));
    }
    compare('parseWords', words.parseWords, (how) => how(text));
    for (const length of [4, 16]) {
      compare('readWords', words.readWords, (how) => how(bytes, length));
      const [a, b] = [bytes, bytes.map((one, i) => (random(6) === 0 ? any([0, 255]) : one))].map((one) => words.readWords(one, length));
      const prefix = any([0, 1, 8, 31, 32, 33, 64, 127, 128, random(length * 8 + 1)]);
      compare('formatWords', words.formatWords, (how) => how(a));
      compare('compareWords', words.compareWords, (how) => [how(a, b), how(b, a), how(a, [...a]), how(a, [1]), how([0, 0, 0, 1], a)]);
      for (const c of [a, a.map(() => 0), a.map(() => 2 ** 32 - 1), a.map((_, i) => i && 2 ** 32 - 1), a.map((_, i) => (i ? 0 : 7))]) {
        compare('wordsBeside', words.wordsBeside, (how) => [how(c, 1), how(c, -1)].join(' '));
        compare('withHostBits', words.withHostBits, (how) => [how(c, prefix, true), how(c, prefix, false)].join(' '));
      }
    }
  }
  const kept = [{ name: 'a', other: { Name: 1 } }, [{ IPs: [{ gateway: null }] }], 7, null]
    .map((value) => inC.hasNormalKeys(value, { name: null, IPs: { gateway: 'nullable' } }));
  const fails = [];
  for (const name of Object.getOwnPropertyNames(inC)) {
    if (name === 'plainLength' || name === 'encodeAttributes' || name === 'digest' || name === 'isIdentifier' || name === 'hasNormalKeys' || name === 'lacksKeys' || name === 'parseWords') continue;
    try { inC[name](0, 0, 0, 0, 0, 0, 0, 0); fails.push(name); } catch (error) { if (error.name !== 'TypeError') fails.push(error.name); }
  }
  for (const into of [new Uint8Array(3), new Uint16Array(40), undefined]) {
    try { fails.push(inC.writeAddress('1.2.3.4', 0, 7, into, 0)); } catch (error) { fails.push(error.name); }
    try { fails.push(inC.writePrefix('1.2.3.4', true, into)); } catch (error) { fails.push(error.name); }
  }
  for (const [start, length] of [[0, 5], [-1, 4], [3, 4], [0, 16]]) {
    try { fails.push(inC.formatAddress(new Uint8Array(6), start, length)); } catch (error) { fails.push(error.name); }
  }
  for (const array of [[], [1, 2], [1, 2, 3, 4, 5], 'ab', undefined]) {
    for (const name of ['formatWords', 'compareWords', 'wordsBeside', 'withHostBits']) {
      try { fails.push(inC[name](array, [1], 1)); } catch (error) { if (error.name !== 'TypeError') fails.push(error.name); }
    }
  }
  try { fails.push(inC.digest('', 13)); } catch (error) { fails.push(error.name); }
  __cnikit_sys.writeFdText(1, JSON.stringify({ bad: bad.slice(0, 5), calls: calls > 40_000, encoded: encoded > 1_000, kept, fails }));
`;

test('functions in C return what they return in JavaScript', async () => {
  const entry = join(folder, 'entry.ts');
  writeFileSync(entry, COMPARISON);
  const { path } = await buildStaticExecutable({ entry, outfile: join(folder, 'exe') });
  const { stdout, stderr } = spawnSync(path, { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    bad: [],
    calls: true,
    encoded: true,
    kept: [true, true, true, true],
    fails: ['RangeError', 'RangeError', ...new Array(8).fill('TypeError'), 'RangeError'],
  });
});
