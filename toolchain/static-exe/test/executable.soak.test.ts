import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { buildStaticExecutable, type StaticExecutableOptions } from '@cnikit/static-exe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SOAK, soakSeed } from '../../../vitest.soak.ts';
import { bundle, ENTRY } from '../src/bundle.ts';
import { randomFunction, randomNumbers, scriptOf } from './random-scripts.ts';

const folder = mkdtempSync(join(tmpdir(), 'executable-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

function script(source: string): string {
  const path = join(folder, `script-${count++}.ts`);
  writeFileSync(path, source);
  return path;
}

function build(source: string, options: Partial<StaticExecutableOptions> = {}) {
  return buildStaticExecutable({
    entry: script(source),
    outfile: join(folder, `exe-${count++}`),
    ...options,
  });
}

async function run(source: string, options?: Partial<StaticExecutableOptions>, args: string[] = []) {
  const { path } = await build(source, options);
  const { status, stdout, stderr } = spawnSync(path, args, { encoding: 'utf8', env: { GREETING: 'hi' } });
  return { status, stdout, stderr };
}

let empty: ReturnType<typeof build> | undefined;

/** Builds the empty program, once. */
function buildEmpty() {
  empty ??= build('1');
  return empty;
}

const PRINT = 'const print = (x) => globalThis.__cnikit_sys.writeFdText(1, String(x));';

/** The program headers of an ELF file (elf(5)): type, and 4 readable, 2 writable, 1 executable. */
function segments(path: string): Array<{ type: number; flags: number }> {
  const elf = readFileSync(path);
  const [start, size, n] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: n }, (_, i) => {
    const at = start + i * size;
    return { type: elf.readUInt32LE(at), flags: elf.readUInt32LE(at + 4) };
  });
}

describe('buildStaticExecutable()', () => {
  test('buildStaticExecutable() creates one small file that needs no loader and no library', async () => {
    const { path, bytes, snapshot } = await buildEmpty();
    const [PT_DYNAMIC, PT_INTERP] = [2, 3];
    const types = segments(path).map(({ type }) => type);
    expect(types).not.toContain(PT_DYNAMIC);
    expect(types).not.toContain(PT_INTERP);
    expect(bytes).toBeLessThan(1_000_000);
    expect(snapshot).toBe(true);
  });

  test('buildStaticExecutable() puts the C functions of a start before all others', async () => {
    const { path } = await buildEmpty();
    const sections = spawnSync('readelf', ['-SW', path], { encoding: 'utf8' }).stdout;
    const [hot = [], text = []] = ['.text.hot', '.text'].map((name) => {
      const fields = sections
        .split('\n')
        .find((line) => line.includes(` ${name} `))
        ?.split(/PROGBITS +/)[1];
      const [address = '', , size = ''] = fields?.split(' ') ?? [];
      return [address, size].map((hex) => Number.parseInt(hex, 16));
    });
    expect(hot[0]).toBeLessThan(text[0]!);
    // The interpreter alone has 50 kB.
    expect(hot[1]).toBeGreaterThan(100_000);
  });

  test('buildStaticExecutable() puts the bytecode of the entry into the file once', async () => {
    const { path } = await build('globalThis.x = 0x5ac31e27;');
    const file = readFileSync(path).toString('latin1');
    expect(file.split('\x27\x1e\xc3\x5a')).toHaveLength(2);
  });

  test('buildStaticExecutable() leaves the versions of the compilers out', async () => {
    const { path } = await buildEmpty();
    expect(readFileSync(path).toString('latin1')).not.toContain('GCC: (');
  });

  test('buildStaticExecutable() creates no segment that is writable and executable, including the stack', async () => {
    const { path } = await buildEmpty();
    const [PT_GNU_STACK, PT_GNU_RELRO, WRITABLE_AND_EXECUTABLE] = [0x6474e551, 0x6474e552, 3];
    const all = segments(path);
    expect(all.filter(({ flags }) => (flags & WRITABLE_AND_EXECUTABLE) === WRITABLE_AND_EXECUTABLE)).toEqual(
      [],
    );
    expect(all.map(({ type }) => type)).toEqual(expect.arrayContaining([PT_GNU_STACK, PT_GNU_RELRO]));
  });

  test.skipIf(process.arch !== 'x64')(
    'buildStaticExecutable() compiles the engine with a stack protector too',
    async () => {
      const { path } = await buildEmpty();
      const code = readFileSync(path, 'hex');
      const count = (pattern: RegExp) => code.match(pattern)?.length ?? 0;
      // mov %fs:0x28, and sub $0x1000,%rsp; orq $0,(%rsp). Our own C has about fifty of the first and none of the second.
      expect(count(/64488b..2528000000/g)).toBeGreaterThan(100);
      expect(count(/4881ec0010000048830c2400/g)).toBeGreaterThan(0);
    },
  );

  test('buildStaticExecutable() creates equal bytes from equal input, also in concurrent builds', async () => {
    const source = 'globalThis.x = [1, 2].map((n) => n * 2)';
    const [a, b] = await Promise.all([build(source), build(source)]);
    expect(readFileSync(a.path).equals(readFileSync(b.path))).toBe(true);
  });

  test.each([{}, ...(SOAK ? [{ snapshot: false }, { sanitize: true }] : [])])(
    'an executable has the language, its arguments and its environment (%j)',
    async (options) => {
      const source = `${PRINT}
      const m = new Map([['k', new Set([1])]]);
      print(JSON.stringify({
        argv: __cnikit_argv.slice(1), env: __cnikit_sys.environ(''), map: m.get('k').size, big: String(2n ** 70n),
        bytes: [...new Uint8Array(new DataView(new ArrayBuffer(2)).buffer)], regexp: 'a1b22'.replace(/\\d+/g, '#'),
        made: new RegExp('[0-9]+').test('x5'), date: new Date(0).toISOString(), proxy: new Proxy({}, { get: () => 7 }).x,
        weak: new WeakRef(m).deref() === m,
      }));
      (async () => { await 0; print(' later'); })();`;
      const { stdout, status } = await run(source, options, ['a', 'b c']);
      expect(status).toBe(0);
      expect(stdout.endsWith(' later')).toBe(true);
      expect(JSON.parse(stdout.slice(0, -' later'.length))).toEqual({
        argv: ['a', 'b c'],
        env: { GREETING: 'hi' },
        map: 1,
        big: '1180591620717411303424',
        bytes: [0, 0],
        regexp: 'a#b#',
        made: true,
        date: '1970-01-01T00:00:00.000Z',
        proxy: 7,
        weak: true,
      });
    },
  );

  test('an executable has new random values and the current time at each start', async () => {
    const { path } = await build(`${PRINT} print([Math.random(), Math.random(), Date.now()])`);
    const [a, b] = [0, 1].map(() => spawnSync(path, { encoding: 'utf8' }).stdout.split(',').map(Number));
    expect(new Set([...a!.slice(0, 2), ...b!.slice(0, 2)]).size).toBe(4);
    expect(Math.abs(a![2]! - Date.now())).toBeLessThan(3_600_000);
  });

  test.each(SOAK ? [false, true] : [false])(
    'an executable loads a lazy module at the call of its function (sanitize: %s)',
    async (sanitize) => {
      const twice = script(
        'globalThis.runs = (globalThis.runs ?? 0) + 1; export function twice(n: number) { return n * 2; }',
      );
      const source = `import { twice } from ${JSON.stringify(twice)};
      ${PRINT}
      print(typeof runs + ' ' + twice(21) + ' ' + twice(4) + ' ' + runs + ' ');
      try { __cnikit_load('none') } catch (error) { print(error) }`;
      const { stdout } = await run(source, { lazy: { twice }, sanitize });
      expect(stdout).toBe('undefined 42 8 1 ReferenceError: No script none in this executable');
    },
  );

  test('a lazy module uses the modules of the entry: one state, one class', async () => {
    const shared = script(`export class Failure extends Error {}
      let count = 0;
      export function next() { return ++count; }`);
    const from = JSON.stringify(shared);
    const lazy = script(`import { Failure, next } from ${from};
      export function fail() { throw new Failure('number ' + next()); }`);
    const source = `import { Failure, next } from ${from};
      import { fail } from ${JSON.stringify(lazy)};
      ${PRINT}
      next();
      try { fail() } catch (error) { print((error instanceof Failure) + ' ' + error.message) }`;
    expect((await run(source, { lazy: { lazy } })).stdout).toBe('true number 2');
  });

  test('buildStaticExecutable() refuses a lazy module that exports anything but functions', async () => {
    const constant = script('export const limit = 7;');
    const source = `import { limit } from ${JSON.stringify(constant)}; globalThis.limit = limit;`;
    await expect(build(source, { lazy: { constant } })).rejects.toThrow(
      'must export function declarations only, and limit is not one',
    );
  });

  test('an executable calls only __cnikit_main of a prepared entry at start', async () => {
    const source = `${PRINT} const made = Math.sqrt(16); globalThis.__cnikit_main = () => print('main ' + made);`;
    expect((await run(source, { prepare: true })).stdout).toBe('main 4');
  });

  test('buildStaticExecutable() refuses a prepared entry that makes system calls or sets no __cnikit_main', async () => {
    const early = build('globalThis.__cnikit_sys.getpid(); globalThis.__cnikit_main = () => 0', {
      prepare: true,
    });
    await expect(early).rejects.toThrow('System calls are not available while the executable is built');
    await expect(build('1', { prepare: true })).rejects.toThrow('must set globalThis.__cnikit_main');
  });

  test('buildStaticExecutable() refuses scripts with syntax errors or node: imports', async () => {
    await expect(build('let = ;')).rejects.toThrow();
    await expect(build(`import { readFileSync } from 'node:fs'; readFileSync('x')`)).rejects.toThrow(
      'node:fs',
    );
  });

  const crashes: [what: string, source: string, stderr: string][] = [
    ['an uncaught exception', `throw new TypeError('broken')`, 'TypeError: broken'],
    ['a thrown value', `throw 'just text'`, 'just text'],
    ['an unhandled rejection', `Promise.reject(new Error('lost'))`, 'Error: lost'],
    ['endless recursion', 'const f = (): number => 1 + f(); f()', 'stack overflow'],
    ['endless memory', `const a: string[] = []; for (;;) a.push('x'.repeat(1 << 20))`, 'out of memory'],
    ['deeply nested JSON', `JSON.parse('['.repeat(1 << 20))`, 'stack overflow'],
  ];
  describe.each(SOAK ? [false, true] : [false])('(sanitize: %s)', (sanitize) => {
    let path: string;
    beforeAll(async () => {
      const functions = crashes.map(([, source]) => `() => { ${source} }`);
      const source = `[${functions.join()}][Number(__cnikit_argv[1])]!();`;
      ({ path } = await build(source, { crashText: '{"code":999}\n', sanitize }));
    });

    test.each(crashes.map((crash, i) => ({ what: crash[0], i, message: crash[2] })))(
      'an executable exits with status 70 and crashText on stdout after $what',
      ({ i, message }) => {
        const { status, stdout, stderr } = spawnSync(path, [String(i)], { encoding: 'utf8' });
        expect({ status, stdout }).toEqual({ status: 70, stdout: '{"code":999}\n' });
        expect(stderr).toContain(message);
      },
    );
  });

  test('an executable exits with status 0 when a rejection is handled in time', async () => {
    const source = `const p = Promise.reject(new Error('x')); p.catch(() => {});`;
    expect(await run(source)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('an executable reuses freed memory in a long run', async () => {
    const source = `${PRINT}
      let kept = '';
      for (let i = 0; i < 300000; i++) {
        const o = { i, text: 'item ' + i, list: [i, i + 1], bytes: new Uint8Array(i % 3000) };
        if (i % 1000 === 0) kept = JSON.stringify(o) + 'y'.repeat(400000);
      }
      print(/VmHWM:\\s*(\\d+)/.exec(__cnikit_sys.readText('/proc/self/status', 65536))[1]);`;
    const { stdout } = await run(source);
    expect(Number(stdout)).toBeLessThan(8 * 1024); // KiB; what passes through is several hundred MiB
  });

  test('an executable gives zeros to a new buffer in memory that was used', async () => {
    const source = `${PRINT}
      const sizes = [8, 1000, 1016, 1017, 1024, 1025, 4096, 8192, 200_000, 300_000];
      const dirty = [];
      for (let round = 0; round < 3; round++) {
        for (const size of sizes) {
          const bytes = new Uint8Array(size);
          if (bytes.some((byte) => byte !== 0)) dirty.push(size);
          bytes.fill(1);
        }
        // The freed blocks of those sizes also serve other allocations.
        const text = 'x'.repeat(4000 + round);
        if (text.length !== 4000 + round) dirty.push(text.length);
      }
      print(JSON.stringify(dirty));`;
    expect((await run(source)).stdout).toBe('[]');
    expect((await run(source, { snapshot: false })).stdout).toBe('[]');
  });

  test('an executable collects cycles in a long run and keeps prepared objects', async () => {
    const source = `${PRINT}
      const word = ['pre', 'pared'].join('-');
      const nodes = [1, 2, 3].map((n) => ({ n, next: undefined, call: () => n + word.length }));
      const known = new Map(nodes.map((node) => [node, 'node ' + node.n]));
      globalThis.__cnikit_main = () => {
        let text = word;
        for (let i = 0; i < 300_000; i++) {
          const cycle = { up: nodes[i % 3], bytes: new Uint8Array(1000) };
          cycle.self = cycle;
          nodes[i % 3].next = cycle; // from the snapshot, to the last one only
          nodes[i % 3]['p' + (i % 50)] = i;
          if (i % 1000 === 0) text += i;
        }
        const lost = nodes.map((node) => delete node.p7);
        print(JSON.stringify({
          word, lost, calls: nodes.map(({ call }) => call()), known: nodes.map((node) => known.get(node)),
          next: nodes.map(({ next }) => next.self === next), text: text.slice(0, 20),
          peak: Number(/VmHWM:\\s*(\\d+)/.exec(__cnikit_sys.readText('/proc/self/status', 65536))[1]),
        }));
      };`;
    const { stdout } = await run(source, { prepare: true });
    const { peak, ...rest } = JSON.parse(stdout);
    expect(peak).toBeLessThan(160 * 1024); // KiB; 300 MB of cycles were made
    expect(rest).toEqual({
      word: 'pre-pared',
      lost: [true, true, true],
      calls: [10, 11, 12],
      known: ['node 1', 'node 2', 'node 3'],
      next: [true, true, true],
      text: 'pre-pared01000200030',
    });
  });

  /** Functions with the uses of variables that the compiler must still check. */
  const checked = [
    '() => { r(x); let x = 1; }',
    '() => { x = 2; let x = 1; r(x); }',
    '() => { let x = x + 1; }',
    '() => { const f = () => x; f(); const x = 1; }',
    '() => { const f = () => x; const x = 1; r(f()); }',
    '() => { switch (1) { case 0: let x = 1; case 1: r(x); } }',
    '() => { for (let i = 0; i < 2; i++) { if (i === 1) r(x); let x = i; r(x); } }',
    '() => { for (;;) { if (k() === 1) { r(x); } let x = 1; r(x); } }',
    '() => { try { r(x); } catch (error) { r(error.name); } let x = 1; r(x); }',
    '() => { try { throw 1; let x = 1; } catch { r(typeof y); } let y = 2; }',
    '() => { a: { if (k() === 0) break a; let x = 1; } r(typeof x); }',
    '() => { r(typeof x); let x; }',
    '() => { new C(); class C {} }',
    '() => { class C { static self = C; } r(C.self === C); }',
    '() => { ((a = b, b = 1) => r(a))(); }',
    '() => { const [a = b, b] = []; }',
    '() => { const fs = []; for (let i = 0; i < 3; i++) { fs.push(() => i); i += 0; } for (const f of fs) r(f); }',
    '() => { const g = (function* () { yield () => x; let x = 1; yield x; })(); const { value } = g.next(); r(g.next().value); r(value); }',
    '() => { const g = (function* () { yield () => x; let x = 1; yield x; })(); g.next().value(); }',
    '() => { let x; do { let y = x; x = 1; r(y); } while (k() < 2); }',
    '() => { class A {} class B extends A { constructor() { r(1); this.x = 1; super(); } } new B(); }',
  ];

  test('an executable for a profile writes each call and its end', async () => {
    const scripts = join(folder, 'profile');
    const { path } = await build(
      'function double(x) {\n return Math.abs(x) * 2;\n}\ndouble(globalThis.__cnikit_argv.length)',
      {
        profile: scripts,
      },
    );
    const { output } = spawnSync(path, [], {
      stdio: [...new Array(9).fill('ignore'), 'pipe'],
      encoding: 'utf8',
    });
    const text = readFileSync(join(scripts, 'entry.js'), 'utf8').split('\n');
    const marks = (output[9] ?? '')
      .trimEnd()
      .split('\n')
      .map((mark) => mark.split(' '));
    expect(marks.map(([kind]) => kind).join('')).toBe('EEECRRRR'); // the script, the function around it, double(), Math.abs()
    expect(text[Number(marks[2]?.[1]) - 1]).toContain('function double');
  });

  test('an executable checks let and const variables as Node does', async () => {
    const random = randomNumbers(soakSeed(1));
    const many = Array.from({ length: 300 }, () => randomFunction(random));
    const functions = [...checked, ...many];
    const source = scriptOf(functions, 'print');
    // The bundler already evaluates some constants, so both run its text.
    const text = (await bundle(script(source), {})).get(ENTRY)!;
    const expected: string[] = [];
    runInNewContext(text, { print: (line: string) => expected.push(...JSON.parse(line)) });
    const { stdout } = await run(
      `globalThis.print = (line) => globalThis.__cnikit_sys.writeFdText(1, line); ${text}`,
    );
    const used = JSON.parse(stdout) as string[];
    const different = functions.filter((_, i) => used[i] !== expected[i]);
    expect(different).toEqual([]);
    expect(expected.filter((one) => one.includes('ReferenceError')).length).toBeGreaterThan(
      functions.length / 10,
    );
  });
});
