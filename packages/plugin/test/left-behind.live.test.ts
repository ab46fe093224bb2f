/** What a DEL leaves to a child process: nothing that anybody sees, and not for long. */
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { env, inSandbox, ok } from './harness.ts';
import { ways } from './invoke.ts';
import { hostVeths, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

const LIMIT_MS = 10_000;

describe.skipIf(!inSandbox)('DEL by executable (needs the sandbox: run npm test at the root)', () => {
  const here = scratch();
  const [, invoke] = ways[0] as (typeof ways)[number];

  test('is over when pair, addresses and routes are gone, and the child that waits for the kernel ends by itself', async () => {
    const conf = {
      cniVersion: '1.0.0',
      name: 'net',
      bridge: 'left0',
      isDefaultGateway: true,
      ipMasq: true,
      ipam: { type: 'host-local', dataDir: here.dir, ranges: [[{ subnet: '10.92.0.0/24' }]] },
    };
    const pod = here.pod();
    for (let i = 0; i < 20; i++) {
      ok(invoke(env('ADD', `c${i}`, pod), conf));
      ok(invoke(env('DEL', `c${i}`, pod), conf));
      expect([hostVeths(), pod.run('ip', '-o', 'link', 'show', 'type', 'veth'), here.reservations()]).toEqual(
        [[], '', []],
      );
      expect(run('nft', 'list', 'ruleset')).toBe('');
    }
    const end = performance.now() + LIMIT_MS;
    while (running() > 0 && performance.now() < end) await setTimeout(1);
    expect(running()).toBe(0);
  });
});

/** How many processes run the executable; one that has ended has none any more. */
function running(): number {
  const programs = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/exe`);
      } catch {
        return '';
      }
    });
  return programs.filter((path) => path === executablePath()).length;
}
