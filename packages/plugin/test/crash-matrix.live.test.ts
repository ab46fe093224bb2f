/**
 * Every verb of every configuration with each call to the kernel going wrong in turn, by the real executable: nothing
 * may be left, and nothing of another pod may be gone.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createNetns,
  deleteNetns,
  delLink,
  delQdisc,
  newAddress,
  newLink,
  openRtnetlink,
  setLink,
} from '@cnikit/netlink';
import { delTable, openNftables } from '@cnikit/netlink/nftables';
import { O_RDONLY, sys } from '@cnikit/sys';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CrashRow, crashRows } from './crash-rows.ts';
import { type Ending, type Fault, type FaultyExecutable, faultyExecutable } from './faulty/executable.ts';
import { FAULT_MODES, type FaultMode } from './faulty/protocol.ts';
import { inSandbox } from './harness.ts';
import { differences, type StateReader, stateReader } from './node-state.ts';

const SLOW = 600_000;
/** More calls than any verb makes. */
const ENOUGH = 2000;
const NETWORK = 'net';
const KEPT = 'kept';

let executable: FaultyExecutable;
let points = 0;

/** A pod's namespace, with the interface that a chained plugin finds. */
interface Pod {
  path: string;
  prevResult?: object;
}

/** A node with a pod that stays, and one to try on. */
class Bench {
  readonly dir = mkdtempSync('/run/cnikit-test-');
  readonly row: CrashRow;
  readonly kept: Pod;
  readonly pod: Pod;
  readonly state: StateReader;
  /** The pod's namespace when it is attached to nothing. */
  bare: string[];
  /** What went wrong that must not. */
  readonly findings: string[] = [];
  /** What was reported is not reported again. */
  readonly #known = new Set<string>();
  #ids = 0;

  constructor(row: CrashRow) {
    this.row = row;
    this.kept = this.#makePod(KEPT, 3);
    this.pod = this.#makePod('tried', 4);
    this.state = stateReader({ dir: this.dir, ...(row.iptables ? { iptables: true } : {}) }, this.pod.path);
    this.bare = this.state.pod();
  }

  #makePod(name: string, host: number): Pod {
    const path = createNetns(name);
    if (!this.row.chained) {
      return { path };
    }
    const route = openRtnetlink();
    const inside = openRtnetlink({ netns: path });
    const fd = sys.open(path, O_RDONLY);
    route.request(newLink({ kind: 'veth', name: `h-${name}`, up: true, peer: { name: 'eth0', netns: fd } }));
    sys.close(fd);
    const address = `10.97.0.${host}/24`;
    inside.request(newAddress({ index: inside.link({ name: 'eth0' })!.index, address }));
    route.close();
    inside.close();
    const interfaces = [{ name: `h-${name}` }, { name: 'eth0', sandbox: path }];
    return { path, prevResult: { cniVersion: '1.1.0', interfaces, ips: [{ address, interface: 1 }] } };
  }

  /** What goes with the pair when the plugin that a chained one stands behind deletes it. */
  forgetPair(): void {
    if (!this.row.chained) {
      return;
    }
    const route = openRtnetlink();
    const index = route.link({ name: 'h-tried' })?.index ?? 0;
    route.batchSettled([delQdisc({ index }), delQdisc({ index, kind: 'ingress' })]);
    route.close();
  }

  /** The interface that a chained plugin finds, as if the pod were new. */
  renewPod(): void {
    if (!this.row.chained) {
      return;
    }
    const inside = openRtnetlink({ netns: this.pod.path });
    inside.request(setLink({ name: 'eth0', mtu: 1500, promiscuous: false }));
    inside.close();
  }

  nextId(): string {
    return `c${this.#ids++}`;
  }

  run(command: string, id: string, { fault, more = {} }: { fault?: Fault; more?: object } = {}): Ending {
    const { path, prevResult } = id === KEPT ? this.kept : this.pod;
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: path,
      CNI_IFNAME: this.row.plugin === 'loopback' ? 'lo' : 'eth0',
      CNI_PATH: '/nowhere',
      PATH: process.env.PATH ?? '',
    };
    const conf = { cniVersion: '1.1.0', name: NETWORK, ...this.row.conf(this.dir, id === KEPT) };
    return executable.run(
      this.row.plugin,
      env,
      { ...conf, ...(prevResult ? { prevResult } : {}), ...more },
      fault,
    );
  }

  /** Runs what has to succeed. */
  must(command: string, id: string, more: object = {}): Ending {
    const ending = this.run(command, id, { more });
    if (ending.exitCode !== 0) {
      throw new Error(`${command} ${id}: ${ending.stdout}`);
    }
    return ending;
  }

  gc(fault?: Fault): Ending {
    const more = { 'cni.dev/valid-attachments': [{ containerID: KEPT, ifname: 'eth0' }] };
    return this.run('GC', '', { more, ...(fault ? { fault } : {}) });
  }

  /** Notes what differs from `node` and, if it matters, from `pod`. */
  compare(what: string, node: readonly string[], pod?: readonly string[]): void {
    const found = differences(node, this.state.node());
    if (pod !== undefined) {
      found.push(...differences(pod, this.state.pod()).map((line) => `pod ${line}`));
    }
    const fresh = found.filter((line) => !this.#known.has(line));
    for (const line of fresh) {
      this.#known.add(line);
    }
    if (fresh.length > 0) {
      this.findings.push(`${what}: ${fresh.join(', ')}`);
    }
  }

  /** Notes what a DEL or GC that succeeded has left. What is in the pod ends with the pod, and GC need not see to it. */
  compareAfter(command: 'DEL' | 'GC', what: string, node: readonly string[]): void {
    this.forgetPair();
    this.compare(what, node, command === 'DEL' ? this.bare : undefined);
  }

  note(what: string, { stdout }: Ending): void {
    this.findings.push(`${what}: ${stdout}`);
  }

  /** Takes away everything that plugins share on the node, as before the first pod. */
  wipe(): void {
    const route = openRtnetlink();
    for (const { index } of route.links({ kind: 'bridge' })) {
      route.request(delLink({ index }));
    }
    const nft = openNftables();
    nft.commit(nft.tables().map(({ family, name }) => delTable({ family, name: name ?? '' })));
    route.close();
    nft.close();
    rmSync(`${this.dir}/ipam`, { recursive: true, force: true });
  }

  remove(): void {
    this.run('DEL', KEPT);
    this.state.close();
    const route = openRtnetlink();
    for (const { index } of route.links({ kind: 'veth' })) {
      route.batchSettled([delLink({ index })]);
    }
    for (const { index } of route.links({ kind: 'bridge' })) {
      route.request(delLink({ index }));
    }
    route.close();
    for (const name of [KEPT, 'tried']) {
      deleteNetns(name);
    }
    rmSync(this.dir, { recursive: true });
  }
}

/** Tries the 1st, 2nd ... call of an invocation until it ends without meeting the fault. */
function everyCall(mode: FaultMode, attempt: (fault: Fault) => Ending): void {
  for (let at = 1; at < ENOUGH; at++) {
    if (attempt({ mode, at }).reached === undefined) {
      expect(at).toBeGreaterThan(1);
      return;
    }
    points++;
  }
  throw new Error(`No end after ${ENOUGH} calls`);
}

describe.skipIf(!inSandbox)('the crash matrix (needs the sandbox: run npm test at the root)', () => {
  beforeAll(async () => {
    executable = await faultyExecutable();
  }, SLOW);
  afterAll(() => {
    executable?.remove();
    console.log(`${points} points of failure tried`);
  });

  describe.each(crashRows)('$title', (row) => {
    let bench: Bench;
    /** The node with the pod that stays. */
    let calm: string[];
    beforeAll(() => {
      bench = new Bench(row);
      // Once on and off, so that what pods share is there.
      bench.must('ADD', KEPT);
      const id = bench.nextId();
      bench.must('ADD', id);
      bench.must('DEL', id);
      bench.forgetPair();
      calm = bench.state.node();
      bench.bare = bench.state.pod();
    }, SLOW);
    afterAll(() => bench?.remove());

    /** DEL, which has to succeed and leave nothing. */
    const delLeavesNothing = (what: string, id: string) => {
      const deleted = bench.run('DEL', id);
      if (deleted.exitCode !== 0) {
        bench.note(`${what}, DEL`, deleted);
      }
      bench.compareAfter('DEL', `${what}, after DEL`, calm);
    };
    const gcLeavesNothing = (what: string, id: string) => {
      const collected = bench.gc();
      if (collected.exitCode !== 0) {
        bench.note(`${what}, GC`, collected);
      }
      bench.compareAfter('GC', `${what}, after GC`, calm);
      bench.run('DEL', id);
      bench.renewPod();
    };
    const nothingFound = () => expect(bench.findings.splice(0)).toEqual([]);

    const add = (mode: FaultMode, after: (what: string, id: string) => void) =>
      everyCall(mode, (fault) => {
        const id = bench.nextId();
        const ending = bench.run('ADD', id, { fault });
        const what = `ADD ${mode} ${fault.at} (${ending.reached})`;
        // Where the result got lost, DEL was run.
        if (ending.reached === 'writeFdText') {
          bench.forgetPair();
        }
        if (ending.exitCode !== 0 && !ending.died) {
          bench.compare(`${what}, ${ending.stdout.trim()}`, calm, bench.bare);
        }
        after(what, id);
        return ending;
      });

    test.each(['fail', 'late'] as const)(
      'ADD with a call that goes wrong (%s) is an error and leaves nothing, or does without',
      (mode) => {
        add(mode, delLeavesNothing);
        nothingFound();
      },
      SLOW,
    );

    test(
      'ADD that is killed leaves nothing after DEL, and nothing after GC',
      () => {
        add('kill', delLeavesNothing);
        add('kill', gcLeavesNothing);
        nothingFound();
      },
      SLOW,
    );

    test.each(FAULT_MODES)(
      'DEL that goes wrong (%s) is made good by the next, and one that is killed by GC too',
      (mode) => {
        // A runtime that was told of an error tries again.
        for (const after of mode === 'kill' ? [delLeavesNothing, gcLeavesNothing] : [delLeavesNothing]) {
          everyCall(mode, (fault) => {
            const id = bench.nextId();
            bench.must('ADD', id);
            const ending = bench.run('DEL', id, { fault });
            const what = `DEL ${mode} ${fault.at} (${ending.reached})`;
            if (ending.exitCode === 0) {
              bench.compareAfter('DEL', what, calm);
            }
            after(what, id);
            return ending;
          });
        }
        nothingFound();
      },
      SLOW,
    );

    test.each(FAULT_MODES)(
      'GC that goes wrong (%s) is made good by the next',
      (mode) => {
        everyCall(mode, (fault) => {
          const id = bench.nextId();
          bench.must('ADD', id);
          const ending = bench.gc(fault);
          const what = `GC ${mode} ${fault.at} (${ending.reached})`;
          if (ending.exitCode === 0) {
            bench.compareAfter('GC', what, calm);
          }
          gcLeavesNothing(what, id);
          return ending;
        });
        nothingFound();
      },
      SLOW,
    );

    test.each(['CHECK', 'STATUS'])(
      '%s that goes wrong changes nothing',
      (command) => {
        const id = bench.nextId();
        const prevResult = JSON.parse(bench.must('ADD', id).stdout);
        const [node, pod] = [bench.state.node(), bench.state.pod()];
        for (const mode of FAULT_MODES) {
          everyCall(mode, (fault) => {
            const ending = bench.run(command, id, { fault, more: { prevResult } });
            bench.compare(`${command} ${mode} ${fault.at} (${ending.reached})`, node, pod);
            return ending;
          });
        }
        bench.must(command, id, { prevResult });
        delLeavesNothing(command, id);
        nothingFound();
      },
      SLOW,
    );
  });

  test.each(crashRows.filter(({ fresh }) => fresh))(
    'the first ADD of all on a node leaves no more than later ones do: $title',
    (row) => {
      const bench = new Bench(row);
      const id = bench.nextId();
      bench.must('ADD', id);
      bench.must('DEL', id);
      const shared = bench.state.node();
      for (const mode of FAULT_MODES) {
        everyCall(mode, (fault) => {
          bench.wipe();
          const id = bench.nextId();
          const ending = bench.run('ADD', id, { fault });
          const what = `${mode} ${fault.at} (${ending.reached})`;
          if (ending.died || ending.exitCode === 0) {
            bench.must('DEL', id);
          }
          const left = differences(shared, bench.state.node()).filter((line) => line.startsWith('+'));
          left.push(...differences(bench.bare, bench.state.pod()));
          if (left.length > 0) {
            bench.findings.push(`${what}: ${left.join(', ')}`);
          }
          return ending;
        });
      }
      bench.remove();
      expect(bench.findings).toEqual([]);
    },
    SLOW,
  );
});
