/**
 * Runs every verb of every configuration by the real executable and lets each system call fail in turn. Nothing may be
 * left behind, and nothing of another pod may be removed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
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
import { delTable, newTable, openNftables } from '@cnikit/netlink/nftables';
import { O_RDONLY, sys } from '@cnikit/sys';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SOAK, soakSeed, soakSize } from '../../../vitest.soak.ts';
import { type CrashCase, crashCases, POLICY_SOCKET } from './crash-cases.ts';
import {
  buildFaultInjector,
  type Fault,
  type FaultInjector,
  type Outcome,
} from './fault-injection/executable.ts';
import { FAULT_MODES, type FaultMode } from './fault-injection/protocol.ts';
import { inSandbox } from './harness.ts';
import { differences, type StateReader, stateReader } from './node-state.ts';

const SLOW = 600_000;
/** More system calls than any verb makes. */
const MAX_CALLS = 2000;
/** Step, a prime: a few calls of each invocation in `npm test`; every call within a week in the soak runs. */
const STRIDE = soakSize(211, 7);
/** Shift of the sample after the first call. */
const OFFSET = soakSeed(20) % STRIDE;
/** All configurations in the soak runs; `npm test` has the one that uses everything. */
const CASES = SOAK ? crashCases : crashCases.filter(({ title }) => title === 'cnikit, all in one');
const NETWORK = 'net';
const KEPT = 'kept';

let executable: FaultInjector;
let policyServer: ChildProcess;
let faultPoints = 0;

/** A pod's namespace, with the interface that a chained plugin needs. */
interface Pod {
  path: string;
  prevResult?: object;
}

/** A node with one pod that stays and one that the faults are tried on. */
class CrashFixture {
  readonly dir = mkdtempSync('/run/cnikit-test-');
  readonly testCase: CrashCase;
  readonly kept: Pod;
  readonly pod: Pod;
  readonly state: StateReader;
  /** State of the pod's namespace before any ADD. */
  bare: string[];
  /** Violations found so far. */
  readonly findings: string[] = [];
  /** Differences already reported. */
  readonly #known = new Set<string>();
  #ids = 0;

  constructor(testCase: CrashCase) {
    this.testCase = testCase;
    if (testCase.args !== undefined) {
      const nft = openNftables();
      nft.commit([newTable({ family: 'inet', name: 'cnikit-policy' })]);
      nft.close();
    }
    this.kept = this.#makePod(KEPT, 3);
    this.pod = this.#makePod('tried', 4);
    this.state = stateReader({ dir: this.dir, iptables: testCase.iptables }, this.pod.path);
    this.bare = this.state.pod();
  }

  #makePod(name: string, host: number): Pod {
    const path = createNetns(name);
    if (!this.testCase.chained) {
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

  /** Removes the qdiscs that go with the pair, which the plugin before a chained one deletes. */
  forgetPair(): void {
    if (!this.testCase.chained) {
      return;
    }
    const route = openRtnetlink();
    const index = route.link({ name: 'h-tried' })?.index ?? 0;
    route.batchSettled([delQdisc({ index }), delQdisc({ index, kind: 'ingress' })]);
    route.close();
  }

  /** Resets the interface that a chained plugin changes. */
  renewPod(): void {
    if (!this.testCase.chained) {
      return;
    }
    const inside = openRtnetlink({ netns: this.pod.path });
    inside.request(setLink({ name: 'eth0', mtu: 1500, promiscuous: false }));
    inside.close();
  }

  nextId(): string {
    return `c${this.#ids++}`;
  }

  run(command: string, id: string, { fault, more = {} }: { fault?: Fault; more?: object } = {}): Outcome {
    const { path, prevResult } = id === KEPT ? this.kept : this.pod;
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: path,
      CNI_IFNAME: this.testCase.plugin === 'loopback' ? 'lo' : 'eth0',
      CNI_PATH: '/nowhere',
      PATH: process.env.PATH ?? '',
      CNI_ARGS: this.testCase.args ?? '',
    };
    const conf = { cniVersion: '1.1.0', name: NETWORK, ...this.testCase.conf(this.dir, id === KEPT) };
    return executable.run(this.testCase.plugin, env, { ...conf, prevResult, ...more }, fault);
  }

  /** Runs a command that must succeed. */
  must(command: string, id: string, more: object = {}): Outcome {
    const outcome = this.run(command, id, { more });
    if (outcome.exitCode !== 0) {
      throw new Error(`${command} ${id}: ${outcome.stdout}`);
    }
    return outcome;
  }

  gc(fault?: Fault): Outcome {
    const more = { 'cni.dev/valid-attachments': [{ containerID: KEPT, ifname: 'eth0' }] };
    return this.run('GC', '', { more, fault });
  }

  /** Records differences from `node` and, if given, from `pod`. */
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

  /** Records leftovers of a successful DEL or GC. GC need not clean the pod's namespace, which ends with the pod. */
  compareAfter(command: 'DEL' | 'GC', what: string, node: readonly string[]): void {
    this.forgetPair();
    this.compare(what, node, command === 'DEL' ? this.bare : undefined);
  }

  note(what: string, { stdout }: Outcome): void {
    this.findings.push(`${what}: ${stdout}`);
  }

  /** Removes everything that plugins share on the node, as before the first pod. */
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

/** Lets calls of an invocation fail, in steps of STRIDE, until it ends before the fault. */
function everyCall(mode: FaultMode, attempt: (fault: Fault) => Outcome): void {
  for (let at = 1; at < MAX_CALLS; at += at === 1 ? STRIDE - OFFSET : STRIDE) {
    if (attempt({ mode, at }).reached === undefined) {
      expect(at).toBeGreaterThan(1);
      return;
    }
    faultPoints++;
  }
  throw new Error(`The verb did not end after ${MAX_CALLS} calls`);
}

/** Starts a process that answers every report of a pod: the invocations block this one. */
async function startPolicyServer(): Promise<ChildProcess> {
  rmSync(POLICY_SOCKET, { force: true });
  const source = `require('node:net').createServer((socket) => {
    socket.on('error', () => undefined).on('data', () => socket.end('{"ok":true}\\n'));
  }).listen(${JSON.stringify(POLICY_SOCKET)}, () => console.log('listening'))`;
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

describe.skipIf(!inSandbox)('the crash matrix (needs the sandbox: run npm test at the root)', () => {
  beforeAll(async () => {
    executable = await buildFaultInjector();
    policyServer = await startPolicyServer();
  }, SLOW);
  afterAll(() => {
    executable?.remove();
    policyServer?.kill();
    rmSync(POLICY_SOCKET, { force: true });
    console.log(`Tried ${faultPoints} points of failure`);
  });

  describe.each(CASES)('$title', (testCase) => {
    let fixture: CrashFixture;
    /** State of the node with only the pod that stays. */
    let baseline: string[];
    beforeAll(() => {
      fixture = new CrashFixture(testCase);
      // One ADD and DEL, to create what pods share.
      fixture.must('ADD', KEPT);
      const id = fixture.nextId();
      fixture.must('ADD', id);
      fixture.must('DEL', id);
      fixture.forgetPair();
      baseline = fixture.state.node();
      fixture.bare = fixture.state.pod();
    }, SLOW);
    afterAll(() => fixture?.remove());

    /** Checks that DEL succeeds and leaves nothing. */
    const delLeavesNothing = (what: string, id: string) => {
      const deleted = fixture.run('DEL', id);
      if (deleted.exitCode !== 0) {
        fixture.note(`${what}, DEL`, deleted);
      }
      fixture.compareAfter('DEL', `${what}, after DEL`, baseline);
    };
    const gcLeavesNothing = (what: string, id: string) => {
      const collected = fixture.gc();
      if (collected.exitCode !== 0) {
        fixture.note(`${what}, GC`, collected);
      }
      fixture.compareAfter('GC', `${what}, after GC`, baseline);
      fixture.run('DEL', id);
      fixture.renewPod();
    };
    const expectNoFindings = () => expect(fixture.findings.splice(0)).toEqual([]);

    const add = (mode: FaultMode, after: (what: string, id: string) => void) =>
      everyCall(mode, (fault) => {
        const id = fixture.nextId();
        const outcome = fixture.run('ADD', id, { fault });
        const what = `ADD ${mode} ${fault.at} (${outcome.reached})`;
        // When writing the result fails, ADD runs DEL.
        if (outcome.reached === 'writeFdText') {
          fixture.forgetPair();
        }
        if (outcome.exitCode !== 0 && !outcome.died) {
          fixture.compare(`${what}, ${outcome.stdout.trim()}`, baseline, fixture.bare);
        }
        after(what, id);
        return outcome;
      });

    test.each(['fail', 'late'] as const)(
      'ADD fails and leaves nothing, or succeeds, when a system call fails (%s)',
      (mode) => {
        add(mode, delLeavesNothing);
        expectNoFindings();
      },
      SLOW,
    );

    test(
      'DEL and GC each clean up after an ADD that is killed',
      () => {
        add('kill', delLeavesNothing);
        add('kill', gcLeavesNothing);
        expectNoFindings();
      },
      SLOW,
    );

    test.each(FAULT_MODES)(
      'DEL and GC each clean up after a DEL that fails (%s)',
      (mode) => {
        // A runtime retries DEL after an error, so GC matters only after a kill.
        for (const after of mode === 'kill' ? [delLeavesNothing, gcLeavesNothing] : [delLeavesNothing]) {
          everyCall(mode, (fault) => {
            const id = fixture.nextId();
            fixture.must('ADD', id);
            const outcome = fixture.run('DEL', id, { fault });
            const what = `DEL ${mode} ${fault.at} (${outcome.reached})`;
            if (outcome.exitCode === 0) {
              fixture.compareAfter('DEL', what, baseline);
            }
            after(what, id);
            return outcome;
          });
        }
        expectNoFindings();
      },
      SLOW,
    );

    test.each(FAULT_MODES)(
      'GC cleans up after a GC that fails (%s)',
      (mode) => {
        everyCall(mode, (fault) => {
          const id = fixture.nextId();
          fixture.must('ADD', id);
          const outcome = fixture.gc(fault);
          const what = `GC ${mode} ${fault.at} (${outcome.reached})`;
          if (outcome.exitCode === 0) {
            fixture.compareAfter('GC', what, baseline);
          }
          gcLeavesNothing(what, id);
          return outcome;
        });
        expectNoFindings();
      },
      SLOW,
    );

    test.each(['CHECK', 'STATUS'])(
      '%s changes nothing when a system call fails',
      (command) => {
        const id = fixture.nextId();
        const prevResult = JSON.parse(fixture.must('ADD', id).stdout);
        const [node, pod] = [fixture.state.node(), fixture.state.pod()];
        for (const mode of FAULT_MODES) {
          everyCall(mode, (fault) => {
            const outcome = fixture.run(command, id, { fault, more: { prevResult } });
            fixture.compare(`${command} ${mode} ${fault.at} (${outcome.reached})`, node, pod);
            return outcome;
          });
        }
        fixture.must(command, id, { prevResult });
        delLeavesNothing(command, id);
        expectNoFindings();
      },
      SLOW,
    );
  });

  test.each(CASES.filter(({ fresh }) => fresh))(
    'the first ADD on a node leaves no more than later ones when a system call fails: $title',
    (testCase) => {
      const fixture = new CrashFixture(testCase);
      const id = fixture.nextId();
      fixture.must('ADD', id);
      fixture.must('DEL', id);
      const shared = fixture.state.node();
      for (const mode of FAULT_MODES) {
        everyCall(mode, (fault) => {
          fixture.wipe();
          const id = fixture.nextId();
          const outcome = fixture.run('ADD', id, { fault });
          const what = `${mode} ${fault.at} (${outcome.reached})`;
          if (outcome.died || outcome.exitCode === 0) {
            fixture.must('DEL', id);
          }
          const left = differences(shared, fixture.state.node()).filter((line) => line.startsWith('+'));
          left.push(...differences(fixture.bare, fixture.state.pod()));
          if (left.length > 0) {
            fixture.findings.push(`${what}: ${left.join(', ')}`);
          }
          return outcome;
        });
      }
      fixture.remove();
      expect(fixture.findings).toEqual([]);
    },
    SLOW,
  );
});
