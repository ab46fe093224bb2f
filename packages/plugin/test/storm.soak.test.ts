/**
 * Adds and deletes many pods concurrently and kills processes at random, as a failing runtime does. CNIKIT_SOAK_SEED
 * determines the operations; their interleaving depends on the machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { createNetns, deleteNetns, openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { describe, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../vitest.soak.ts';
import { executablePath } from '../src/executable-path.ts';
import { inSandbox } from './harness.ts';
import { hostVeths, ipJson, run } from './namespaces.ts';
import { differences, nodeStateIn } from './node-state.ts';
import { type Random, randomOf } from './random.ts';

const PODS = soakSize(16, 64);
const OPERATIONS = soakSize(100, 2000);
const SEED = soakSeed(20_261_125);
/** Maximum delay of a kill in milliseconds; most processes end sooner. */
const KILLED_WITHIN = 40;
/** Number of ADDs between two comparisons of all pods' addresses. */
const COMPARE_EVERY = 25;
const SLOW = 600_000;

interface Outcome {
  /** Undefined after a kill. */
  exitCode: number | undefined;
  stdout: string;
}

interface Add {
  id: string;
  netns: string;
  hostPort: number;
  layout?: 'bridge' | 'routed';
  prevResult?: { ips: { address: string }[] } | undefined;
}

class Storm {
  readonly dir = mkdtempSync('/run/cnikit-test-');
  readonly random: Random = randomOf(SEED);
  readonly counts: Record<string, number> = {};
  readonly findings: string[] = [];
  /** Owner of each address, from the end of ADD to the start of DEL. */
  readonly #owners = new Map<string, string>();
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
    { id, netns, hostPort, layout, prevResult }: Add,
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
      layout,
      // Needs a bridge.
      macspoofchk: layout !== 'routed',
      runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
      ingressRate: 1_000_000,
      ingressBurst: 1_000_000,
      egressRate: 1_000_000,
      egressBurst: 1_000_000,
      prevResult,
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

  /** A new attachment, with its own host port. Pods of both layouts run side by side. */
  attachment(id: string, netns: string): Add {
    const layout = this.random.chance(0.7) ? 'routed' : 'bridge';
    return { id, netns, hostPort: this.#nextPort++, layout };
  }

  /** Runs a command that must succeed unless it is killed. */
  async mustSucceed(command: string, add: Add, kill = false): Promise<Outcome> {
    const outcome = await this.invoke(command, add, kill);
    if (outcome.exitCode) {
      this.findings.push(`${command} ${add.id}: ${outcome.stdout}`);
    }
    return outcome;
  }

  /** Records the owner of addresses, and a finding when another pod still owns one. */
  #recordOwner(id: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      const owner = this.#owners.get(address);
      if (owner !== undefined) {
        this.findings.push(`${address} was allocated to ${id} while ${owner} held it`);
      }
      this.#owners.set(address, id);
      const reservation = readFileSync(`${this.dir}/net/${address.split('/')[0]}`, 'utf8');
      if (reservation !== `${id}\r\neth0`) {
        this.findings.push(`${address} of ${id} is reserved for ${reservation}`);
      }
    }
    if ((this.counts.ADD ?? 0) % COMPARE_EVERY === 0) {
      this.#compareAllPods();
    }
  }

  #release(id: string): void {
    for (const [address, owner] of this.#owners) {
      if (owner === id) {
        this.#owners.delete(address);
      }
    }
  }

  /** Reads twice: an address that a pod has before and after another pod was seen with it was on both at one time. */
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

  /** Adds and deletes one pod after another until the operations are used up. */
  async runWorker(worker: number): Promise<void> {
    const { random } = this;
    let netns = this.makeNamespace();
    for (let generation = 0; this.#left > 0; generation++) {
      const add = this.attachment(`p${worker}-${generation}`, netns);
      const { exitCode, stdout } = await this.mustSucceed('ADD', add, random.chance(0.4));
      if (exitCode === 0) {
        add.prevResult = JSON.parse(stdout);
        this.#recordOwner(
          add.id,
          (add.prevResult?.ips ?? []).map(({ address }) => address),
        );
        if (random.chance(0.3)) {
          await this.mustSucceed('CHECK', add);
        }
      }
      this.#release(add.id);
      const gone = random.chance(0.2);
      if (gone) {
        this.removeNamespace(netns);
      }
      const clean = await this.deleteRepeatedly(add);
      // When every DEL was killed, leave the pod to GC.
      if (gone || !clean) {
        netns = this.makeNamespace();
      }
    }
  }

  /** Runs up to four DELs, sequentially or concurrently, and returns true when one succeeded. */
  async deleteRepeatedly(add: Add): Promise<boolean> {
    const { random } = this;
    let clean = false;
    for (let round = 1 + random.below(4); round > 0; round--) {
      const together = Array.from({ length: random.chance(0.3) ? 2 : 1 }, () =>
        this.mustSucceed(
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

  /** Links in the remaining pods, without lo. */
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
    `a storm of ${PODS} pods and ${OPERATIONS} operations leaves nothing and never shares an address (CNIKIT_SOAK_SEED=${SEED})`,
    async () => {
      const storm = new Storm();
      try {
        for (const layout of ['bridge', 'routed'] as const) {
          const first = { ...storm.attachment(`first-${layout}`, storm.makeNamespace()), layout };
          await storm.mustSucceed('ADD', first);
          await storm.mustSucceed('DEL', first);
        }
        const baseline = nodeStateIn(storm.dir);
        await Promise.all(Array.from({ length: PODS }, (_, worker) => storm.runWorker(worker)));
        await storm.gc();
        console.log(`storm with seed ${SEED}: ${JSON.stringify(storm.counts)}`);
        expect([
          ...storm.findings,
          ...differences(baseline, nodeStateIn(storm.dir)),
          ...storm.podLinks(),
        ]).toEqual([]);
      } finally {
        storm.remove();
      }
    },
    SLOW,
  );
});
