import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sys } from '../../sys/src/index.ts';
import { addressesOf } from './upstream.ts';

const PROBER = fileURLToPath(new URL('programs/prober.ts', import.meta.url));

/**
 * Settings of a namespace that answers every packet. The kernel limits ICMP messages of the types in these masks for each
 * destination, and all of a namespace together to 1,000 per second.
 */
export const ANSWER_ALL = ['net.ipv4.icmp_ratemask=0', 'net.ipv6.icmp.ratemask='];

/** One connection to try. */
export interface Probe {
  address: string;
  protocol: 'TCP' | 'UDP';
  port: number;
}

/** A pod: a network namespace with a program that tries connections, routed through the namespace of the test. */
export class LivePod {
  readonly name: string;
  readonly #program: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  /** @param program reads and writes lines, and writes one when it is ready */
  constructor(name: string, index: number, program = PROBER) {
    this.name = name;
    this.#program = spawn('unshare', ['--net', process.execPath, program], { stdio: 'pipe' });
    const lines: Interface = createInterface({ input: this.#program.stdout });
    this.#lines = lines[Symbol.asyncIterator]();
    this.#program.stderr.pipe(process.stderr);
    this.#link(`pod${index}`);
  }

  /** Waits until the pod accepts connections. */
  async ready(): Promise<void> {
    await this.#lines.next();
  }

  /** Tries connections at once. Returns whether each first packet arrived. */
  async ask(probes: readonly Probe[]): Promise<boolean[]> {
    return (await this.command(probes)) as boolean[];
  }

  /** Sends a command to the program and returns its answer. */
  async command(command: unknown): Promise<unknown> {
    this.#program.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) {
      throw new Error(`The program of ${this.name} ended`);
    }
    return JSON.parse(value);
  }

  /** Runs a program in the network namespace of the pod. */
  run(...argv: string[]): void {
    run('nsenter', '--target', String(this.#program.pid), '--net', ...argv);
  }

  stop(): void {
    this.#program.kill('SIGKILL');
  }

  #link(host: string): void {
    const pid = String(this.#program.pid);
    const { ipv4, ipv6 } = addressesOf(this.name);
    waitForNamespace(pid);
    run('ip', 'link', 'add', host, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid);
    run('sysctl', '-qw', `net.ipv6.conf.${host}.accept_dad=0`);
    run('ip', 'link', 'set', host, 'up');
    run('ip', 'address', 'add', '169.254.1.1/32', 'dev', host);
    run('ip', '-6', 'address', 'add', 'fe80::1/64', 'dev', host, 'nodad');
    const inside = this.run.bind(this);
    inside('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0', ...ANSWER_ALL);
    inside('ip', 'link', 'set', 'lo', 'up');
    inside('ip', 'link', 'set', 'eth0', 'up');
    inside('ip', 'address', 'add', `${ipv4}/32`, 'dev', 'eth0');
    inside('ip', '-6', 'address', 'add', `${ipv6}/128`, 'dev', 'eth0', 'nodad');
    inside('ip', 'route', 'add', 'default', 'via', '169.254.1.1', 'dev', 'eth0', 'onlink');
    inside('ip', '-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'eth0');
    run('ip', 'route', 'add', `${ipv4}/32`, 'dev', host);
    run('ip', '-6', 'route', 'add', `${ipv6}/128`, 'dev', host);
  }
}

/** Waits until unshare has given the process its own network namespace. */
function waitForNamespace(pid: string): void {
  const own = readlinkSync('/proc/self/ns/net');
  while (readlinkSync(`/proc/${pid}/ns/net`) === own) {}
}

function run(...argv: string[]): void {
  const { status, stderr } = sys.run(argv);
  if (status !== 0) {
    throw new Error(`${argv.join(' ')}: ${stderr}`);
  }
}
