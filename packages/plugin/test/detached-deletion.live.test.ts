/** The child process that DEL leaves to wait for the kernel: it is short-lived and has no visible effect. */
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { sys } from '@cnikit/sys';
import { type InternalSys, internal } from '@cnikit/sys/internal';
import { describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { pluginFor, plugins } from '../src/plugins/index.ts';
import { env, inSandbox, ok } from './harness.ts';
import { byExec } from './invoke.ts';
import { hostVeths, ipJson, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

const LIMIT_MS = 30_000;
/** Offset of `ifi_index` in an rtnetlink message, in bytes: nlmsghdr, then struct ifinfomsg. */
const IFI_INDEX = 20;

describe.skipIf(!inSandbox)('DEL by executable (needs the sandbox: run npm test at the root)', () => {
  const here = scratch();
  const network = () => ({
    cniVersion: '1.0.0',
    name: 'net',
    bridge: 'left0',
    isDefaultGateway: true,
    ipMasq: true,
    ipam: { type: 'host-local', dataDir: here.dir, ranges: [[{ subnet: '10.92.0.0/24' }]] },
  });

  test('DEL returns once pair, addresses and routes are gone, and its child exits by itself', async () => {
    const conf = network();
    const pod = here.pod();
    for (let i = 0; i < 20; i++) {
      ok(byExec(env('ADD', `c${i}`, pod), conf));
      ok(byExec(env('DEL', `c${i}`, pod), conf));
      expect([hostVeths(), pod.run('ip', '-o', 'link', 'show', 'type', 'veth'), here.reservations()]).toEqual(
        [[], '', []],
      );
      expect(run('nft', 'list', 'ruleset')).toBe('');
    }
    const end = performance.now() + LIMIT_MS;
    while (running() > 0 && performance.now() < end) {
      await setTimeout(1);
    }
    expect(running()).toBe(0);
  });

  test('DEL deletes the link by index, never a new one of the same name', () => {
    const pod = here.pod();
    const indexes: number[] = [];
    const recording: InternalSys = {
      ...internal(sys),
      sendDetached(fd, bytes, name) {
        indexes.push(new DataView(bytes.buffer, bytes.byteOffset).getInt32(IFI_INDEX, true));
        return internal(sys).sendDetached(fd, bytes, name);
      },
    };
    const program = pluginFor(plugins(recording), 'cnikit');
    const stdin = JSON.stringify(network());
    expect(program({ env: env('ADD', 'c1', pod), stdin }).exitCode).toBe(0);
    const [{ ifindex }] = ipJson('link', 'show', 'dev', hostVeths()[0] as string) as [{ ifindex: number }];
    for (let i = 0; i < 2; i++) {
      expect(program({ env: env('DEL', 'c1', pod), stdin }).exitCode).toBe(0);
    }
    expect(indexes).toEqual([ifindex]);
  });
});

/** Number of processes that run the executable, not counting zombies. */
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
