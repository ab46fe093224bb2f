import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

const NODE = ['--conditions=@cnikit/source', '--input-type=module'];

/** Runs a program that imports `sys` and `releaseMemory`, and returns the JSON that it prints. */
function inNode(body: string, options: readonly string[] = []): unknown {
  const program = `
    import { readFileSync } from 'node:fs';
    import { sys } from '${import.meta.dirname}/index.ts';
    import { releaseMemory } from '${import.meta.dirname}/memory.ts';
    const residentFiles = () =>
      1024 * Number(/RssFile:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    ${body}`;
  return JSON.parse(
    execFileSync(process.execPath, [...NODE, ...options, '-e', program], { encoding: 'utf8' }),
  );
}

test('releaseMemory() unmaps pages of files and reports their size', () => {
  const { before, released, after } = inNode(`
    const before = residentFiles();
    const released = releaseMemory();
    console.log(JSON.stringify({ before, released, after: residentFiles() }));`) as Record<string, number>;
  expect(after).toBeLessThan(before! / 2);
  expect(released).toBeGreaterThan(before! / 2);
});

test('releaseMemory() leaves a program that works', () => {
  const answer = inNode(`
    import { createHash } from 'node:crypto';
    import { gzipSync, gunzipSync } from 'node:zlib';
    import { Worker } from 'node:worker_threads';
    const work = () => [
      createHash('sha256').update('a').digest('hex'),
      gunzipSync(gzipSync('text')).toString(),
      Array.from({ length: 20_000 }, (_, i) => i).reduce((sum, i) => sum + i),
      new Intl.NumberFormat('de').format(1234.5),
    ];
    const before = work();
    releaseMemory();
    releaseMemory();
    const ended = await new Promise((done) => new Worker('', { eval: true }).once('exit', done));
    console.log(JSON.stringify({ before, after: work(), ended }));`) as Record<string, unknown>;
  expect(answer.after).toEqual(answer.before);
  expect(answer.ended).toBe(0);
});

test('releaseMemory() keeps mappings that a debugger has changed', () => {
  const answer = inNode(`
    import { openSync, readSync, writeSync } from 'node:fs';
    const executable = readFileSync('/proc/self/maps', 'utf8').split('\\n').find((line) => line.includes(process.execPath));
    const padding = Number.parseInt(executable, 16) + 15; // The last byte of e_ident, elf(5).
    const memory = openSync('/proc/self/mem', 'r+');
    writeSync(memory, Buffer.from([42]), 0, 1, padding);
    releaseMemory();
    const byte = Buffer.alloc(1);
    readSync(memory, byte, 0, 1, padding);
    console.log(byte[0]);`);
  expect(answer).toBe(42);
});

test('releaseMemory() leaves code that is not backed by its file', () => {
  const answer = inNode("console.log(JSON.stringify([releaseMemory() > 0, 'works'.toUpperCase()]));", [
    '--use-largepages=silent',
  ]);
  expect(answer).toEqual([true, 'WORKS']);
});

test('releaseMemory() throws when it cannot read the mappings', () => {
  const answer = inNode(`
    import { O_RDONLY } from '${import.meta.dirname}/index.ts';
    const open = [];
    let code;
    releaseMemory();
    try {
      for (;;) open.push(sys.open('/dev/null', O_RDONLY));
    } catch {}
    try {
      releaseMemory();
    } catch (error) {
      code = error.code;
    }
    open.forEach((fd) => sys.close(fd));
    console.log(JSON.stringify({ code }));`);
  expect(answer).toEqual({ code: 'EMFILE' });
});
