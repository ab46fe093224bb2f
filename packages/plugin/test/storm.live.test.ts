/**
 * Many pods come and go at once while processes are killed at any moment, as a runtime in trouble would do it. What
 * is done follows from CNIKIT_STORM_SEED, when it meets what from the machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { createNetns, deleteNetns, openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { inSandbox } from './harness.ts';
import { hostVeths, ipJson, run } from './namespaces.ts';
import { differences, nodeStateIn } from './node-state.ts';
import { type Random, randomOf } from './random.ts';

const PODS = 64;
const OPERATIONS = 2000;
const SEED = Number(process.env.CNIKIT_STORM_SEED ?? 20_261_125);
/** Milliseconds in which a process that is to be killed is; most end sooner by themselves. */
const KILLED_WITHIN = 40;
/** After so many ADDs the addresses of all pods are compared. */
const LOOK_EVERY = 25;
const SLOW = 600_000;

interface Outcome {
  /** Undefined when it was killed. */
  exitCode: number | undefined;
  stdout: string;
}

interface Add {
  id: string;
  netns: string;
  hostPort: number;
  prevResult?: { ips: { address: string }[] } | undefined;
}

class Storm {
  readonly dir = mkdtempSync('/run/cnikit-test-');
  readonly random: Random = randomOf(SEED);
  readonly counts: Record<string, number> = {};
  readonly findings: string[] = [];
  /** Whose an address is, from the ADD that gave it until its DEL begins. */
  readonly #holders = new Map<string, string>();
  readonly #namespaces = new Map<string, RtnetlinkConnection>();
  #left = OPERATIONS;
  #names = 0;
  #nextPort = 10_000;

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  makeNamespace(): string {
    const name = `storm${this.#names++}`;
    const path = createNetns(name);
    this.#namespaces.set(path, openRtnetlink({ netns: path }));
    return path;
  }

  removeNamespace(path: string): void {
    this.#namespaces.get(path)?.close();
    this.#namespaces.delete(path);
    deleteNetns(path.slice(path.lastIndexOf('/') + 1));
  }

  async invoke(
    command: string,
    { id, netns, hostPort, prevResult }: Add,
    kill = false,
    more: object = {},
  ): Promise<Outcome> {
    this.#left--;
    const conf = {
      cniVersion: '1.1.0',
      name: 'net',
      bridge: 'storm0',
      isDefaultGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: this.dir,
        ranges: [[{ subnet: '10.94.0.0/24' }], [{ subnet: 'fd94::/64' }]],
      },
      ipMasq: true,
      macspoofchk: true,
      runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
      ingressRate: 1_000_000,
      ingressBurst: 1_000_000,
      egressRate: 1_000_000,
      egressBurst: 1_000_000,
      ...(prevResult ? { prevResult } : {}),
      ...more,
    };
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: netns,
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/nowhere',
      PATH: process.env.PATH ?? '',
    };
    const child = spawn(executablePath(), { env, stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(conf));
    const timer = kill
      ? setTimeout(() => child.kill('SIGKILL'), KILLED_WITHIN * this.random.next() ** 2)
      : undefined;
    const [stdout, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    clearTimeout(timer);
    this.count(exitCode === null ? `${command} killed` : command);
    return { exitCode: exitCode ?? undefined, stdout };
  }

  /** An attachment that is not there yet. Runtimes give no host port to two. */
  attachment(id: string, netns: string): Add {
    return { id, netns, hostPort: this.#nextPort++ };
  }

  /** What must not fail if it is not killed. */
  async expectDone(command: string, add: Add, kill = false): Promise<Outcome> {
    const outcome = await this.invoke(command, add, kill);
    if (outcome.exitCode) {
      this.findings.push(`${command} ${add.id}: ${outcome.stdout}`);
    }
    return outcome;
  }

  /** Notes whose the addresses are now, and if somebody has them still. */
  #hold(id: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      const holder = this.#holders.get(address);
      if (holder !== undefined) {
        this.findings.push(`${address} was given to ${id} while ${holder} had it`);
      }
      this.#holders.set(address, id);
      const owner = readFileSync(`${this.dir}/net/${address.split('/')[0]}`, 'utf8');
      if (owner !== `${id}\r\neth0`) {
        this.findings.push(`${address} of ${id} is reserved for ${owner}`);
      }
    }
    if ((this.counts.ADD ?? 0) % LOOK_EVERY === 0) {
      this.#compareAllPods();
    }
  }

  #release(id: string): void {
    for (const [address, holder] of this.#holders) {
      if (holder === id) {
        this.#holders.delete(address);
      }
    }
  }

  /** Nothing is started meanwhile: what a pod has before and after another was seen with it, both had at one time. */
  #compareAllPods(): void {
    const seen = new Map<string, string>();
    const addressesOf = (path: string) =>
      (this.#namespaces.get(path)?.addresses() ?? [])
        .map(({ address }) => address)
        .filter((address) => /^(10\.94|fd94)/.test(address));
    for (const path of this.#namespaces.keys()) {
      for (const address of addressesOf(path)) {
        const other = seen.get(address);
        if (other !== undefined && addressesOf(other).includes(address)) {
          this.findings.push(`${address} is on ${other} and on ${path}`);
        }
        seen.set(address, path);
      }
    }
  }

  /** One pod after the other in one place, until there were enough operations. */
  async life(place: number): Promise<void> {
    const { random } = this;
    let netns = this.makeNamespace();
    for (let generation = 0; this.#left > 0; generation++) {
      const add = this.attachment(`p${place}-${generation}`, netns);
      const { exitCode, stdout } = await this.expectDone('ADD', add, random.chance(0.4));
      if (exitCode === 0) {
        add.prevResult = JSON.parse(stdout);
        this.#hold(
          add.id,
          (add.prevResult?.ips ?? []).map(({ address }) => address),
        );
        if (random.chance(0.3)) {
          await this.expectDone('CHECK', add);
        }
      }
      this.#release(add.id);
      const gone = random.chance(0.2);
      if (gone) {
        this.removeNamespace(netns);
      }
      const clean = await this.dels(add);
      // Where nothing came through, the pod stays as it is for GC.
      if (gone || !clean) {
        netns = this.makeNamespace();
      }
    }
  }

  /** Up to four DELs, one after the other or at once; whether one came through. */
  async dels(add: Add): Promise<boolean> {
    const { random } = this;
    let clean = false;
    for (let round = 1 + random.below(4); round > 0; round--) {
      const together = Array.from({ length: random.chance(0.3) ? 2 : 1 }, () =>
        this.expectDone(
          'DEL',
          {
            ...add,
            netns: random.chance(0.3) ? '' : add.netns,
            prevResult: random.chance(0.7) ? add.prevResult : undefined,
          },
          random.chance(0.4),
        ),
      );
      for (const { exitCode } of await Promise.all(together)) {
        clean ||= exitCode === 0;
      }
    }
    return clean;
  }

  async gc(): Promise<void> {
    const { exitCode, stdout } = await this.invoke('GC', this.attachment('', ''), false, {
      'cni.dev/valid-attachments': [],
    });
    if (exitCode !== 0) {
      this.findings.push(`GC: ${stdout}`);
    }
  }

  remove(): void {
    for (const path of [...this.#namespaces.keys()]) {
      this.removeNamespace(path);
    }
    for (const name of hostVeths()) {
      run('ip', 'link', 'del', name);
    }
    for (const { ifname } of ipJson('link', 'show', 'type', 'bridge')) {
      run('ip', 'link', 'del', ifname);
    }
    rmSync(this.dir, { recursive: true });
  }

  /** What is in the pods that are still there, but for what the kernel puts into every namespace. */
  podLinks(): string[] {
    return [...this.#namespaces.values()].flatMap((pod) =>
      pod
        .links()
        .map(({ name }) => name)
        .filter((name) => name !== 'lo'),
    );
  }
}

describe.skipIf(!inSandbox)('a storm (needs the sandbox: run npm test at the root)', () => {
  test(
    `of ${PODS} pods and ${OPERATIONS} operations leaves nothing, and no address was two pods' at once (CNIKIT_STORM_SEED=${SEED})`,
    async () => {
      const storm = new Storm();
      try {
        const first = storm.attachment('first', storm.makeNamespace());
        await storm.expectDone('ADD', first);
        await storm.expectDone('DEL', first);
        const calm = nodeStateIn(storm.dir);
        await Promise.all(Array.from({ length: PODS }, (_, place) => storm.life(place)));
        await storm.gc();
        console.log(`storm with seed ${SEED}: ${JSON.stringify(storm.counts)}`);
        expect([
          ...storm.findings,
          ...differences(calm, nodeStateIn(storm.dir)),
          ...storm.podLinks(),
        ]).toEqual([]);
      } finally {
        storm.remove();
      }
    },
    SLOW,
  );
});
