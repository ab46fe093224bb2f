/**
 * Every input on stdin, in the environment and in prevResult gets a valid reply, and a rejected one changes nothing.
 * CNIKIT_SOAK_SEED selects the cases.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createNetns, deleteNetns } from '@cnikit/netlink';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { describe, expect, test } from 'vitest';
import { firstSoakSeed, soakSize } from '../../../vitest.soak.ts';
import { lazyScripts } from '../scripts/lazy-scripts.ts';
import { executablePath } from '../src/executable-path.ts';
import { type FuzzCase, fuzzCase } from './fuzz/cases.ts';
import { faultOf, refusalOf } from './fuzz/verdict.ts';
import { inSandbox } from './harness.ts';
import { deleteLinks } from './namespaces.ts';
import { differences, stateReader } from './node-state.ts';
import { type Random, randomOf } from './random.ts';

const IN_PROCESS = soakSize(5_000, 100_000);
const BY_EXEC = soakSize(50, 1000);
const SEED = firstSoakSeed(20_261_125, IN_PROCESS);
const SLOW = 600_000;
/** Number of processes that share the cases. */
const SHARES = 2;

test(
  `cnikit replies to ${IN_PROCESS} fuzzed invocations under QuickJS and attempts no change in rejected ones (CNIKIT_SOAK_SEED=${SEED})`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
    try {
      const { path } = await buildStaticExecutable({
        entry: join(import.meta.dirname, 'fuzz/main.ts'),
        lazy: lazyScripts,
        prepare: true,
        outfile: join(folder, 'fuzz'),
      });
      const count = IN_PROCESS / SHARES;
      const share = async (_: unknown, at: number) => {
        const child = spawn(path, [String(count), String(SEED + at * count)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const [stdout, [status, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
        return { status, signal, lines: stdout.trim().split('\n') };
      };
      for (const { status, signal, lines } of await Promise.all(Array.from({ length: SHARES }, share))) {
        const codes = lines.pop();
        console.log(codes);
        expect([status, signal, ...lines]).toEqual([0, null]);
        // Each share covers every code, or the cases are wrong.
        for (const code of [0, 1, 4, 6, 7]) {
          expect(codes).toContain(`"${code}":`);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  SLOW,
);

describe.skipIf(!inSandbox)('fuzzing by exec (needs the sandbox: run npm test at the root)', () => {
  test(
    `cnikit replies to ${BY_EXEC} fuzzed invocations by exec and changes nothing in rejected ones (CNIKIT_SOAK_SEED=${SEED})`,
    () => {
      const dir = mkdtempSync('/run/cnikit-test-');
      // Deep enough that relative paths stay below `dir`.
      const cwd = join(dir, 'a/b/c/d');
      mkdirSync(cwd, { recursive: true });
      const netns = createNetns('fuzz');
      const state = stateReader({ dir }, netns);
      const read = () => [...state.node(), ...state.pod().map((line) => `pod ${line}`)];
      const findings: string[] = [];
      let before = read();
      for (let seed = SEED; seed < SEED + BY_EXEC; seed++) {
        const random = randomOf(seed);
        const input = fuzzCase(random, { netns, dataDir: join(dir, 'data') });
        const reply = exec(input, random, cwd);
        const after = read();
        const fault = input.env.CNI_COMMAND ? faultOf(input, reply) : undefined;
        if (fault !== undefined) {
          findings.push(`seed ${seed}: ${fault}`);
        } else if (refusalOf(reply) !== undefined) {
          const changed = differences(before, after);
          if (changed.length > 0) {
            findings.push(`seed ${seed}, ${reply.stdout}: ${changed.join(', ')}`);
          }
        }
        before = after;
        if (reply.exitCode !== 0 || input.env.CNI_COMMAND !== 'ADD') {
          continue;
        }
        exec({ ...input, env: { ...input.env, CNI_COMMAND: 'DEL' } }, random, cwd);
        // Remove the bridges, so that a later rejected ADD cannot hide having created one.
        deleteLinks('bridge');
        before = read();
      }
      state.close();
      deleteNetns('fuzz');
      rmSync(dir, { recursive: true });
      expect(findings).toEqual([]);
    },
    SLOW,
  );

  const NAME = '{"cniVersion":"1.0.0","name":';
  test.each<[what: string, code: number, stdin: string | Buffer]>([
    ['10 MiB', 5, `${NAME}"n","pad":"${'y'.repeat(10 << 20)}"}`],
    ['a million open lists', 6, '['.repeat(1 << 20)],
    ['a hundred thousand nested objects', 6, '{"a":'.repeat(1e5) + '}'.repeat(1e5)],
    [
      'ten thousand nested lists as prevResult',
      6,
      `${NAME}"n","prevResult":${'['.repeat(1e4)}${']'.repeat(1e4)}}`,
    ],
    ['a megabyte of NUL', 6, '\0'.repeat((1 << 20) - 1)],
    ['a name that is not UTF-8', 7, Buffer.from(`${NAME}"\xff\xfe"}`, 'latin1')],
    ['a name that is a path', 7, `${NAME}"../../x"}`],
  ])('cnikit returns a CNI error for %s on stdin: code %i', (_, code, stdin) => {
    const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_NETNS: '/nowhere', CNI_IFNAME: 'eth0' };
    const done = spawnSync(executablePath(), [], { env, input: stdin, encoding: 'utf8', timeout: 60_000 });
    expect([done.status, done.signal, JSON.parse(done.stdout).code]).toEqual([1, null, code]);
  });

  /** Runs the executable, sometimes with invalid UTF-8 on stdin. */
  function exec({ plugin, env, stdin }: FuzzCase, random: Random, cwd: string) {
    const { status, signal, stdout, error } = spawnSync(executablePath(), [], {
      argv0: plugin,
      env,
      input: brokenUtf8(stdin, random),
      cwd,
      encoding: 'utf8',
      timeout: 60_000,
    });
    // A plugin that rejects its environment does not read stdin.
    const unread = error !== undefined && 'code' in error && error.code === 'EPIPE';
    return { exitCode: status ?? -1, stdout: error && !unread ? `${error}` : signal ? signal : stdout };
  }

  function brokenUtf8(stdin: string, random: Random): Buffer {
    const bytes = Buffer.from(stdin);
    if (random.chance(0.2) && bytes.length > 0) {
      for (let count = 1 + random.below(4); count > 0; count--) {
        bytes[random.below(bytes.length)] = 128 + random.below(128);
      }
    }
    return bytes;
  }
});
