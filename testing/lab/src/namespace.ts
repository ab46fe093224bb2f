import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { type ExecOptions, execute, must, type Outcome } from './command.ts';

/** Options for a program that keeps running. */
export interface StartOptions {
  /** The whole environment. @default the environment of this process */
  env?: Record<string, string>;
  /** File for standard output and standard error, which are discarded without it. */
  logFile?: string;
}

/** A namespace to run commands in: a node, a pod, the router or the outside host. */
export class Namespace {
  readonly name: string;
  readonly #prefix: readonly string[];

  /** @param prefix the command that enters the namespace, such as `nsenter --target PID --net` */
  constructor(name: string, prefix: readonly string[]) {
    this.name = name;
    this.#prefix = prefix;
  }

  /** Returns the whole command that runs `argv` here, for use in the sandbox. */
  argv(argv: readonly string[]): string[] {
    return [...this.#prefix, ...argv];
  }

  /** Runs a command here and returns its result, also after a failure. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<Outcome> {
    return execute(this.argv(argv), options);
  }

  /** Runs a command here that must succeed. Returns its standard output. */
  must(argv: readonly string[], options?: ExecOptions): Promise<string> {
    return must(this.argv(argv), options);
  }

  /** Runs several `ip` commands with `ip -batch -`, which stops at the first failure. */
  async ip(...commands: string[]): Promise<void> {
    await this.must(['ip', '-batch', '-'], { input: `${commands.join('\n')}\n` });
  }

  /** Returns the parsed output of an `ip -json` command. */
  async ipJson<T>(...args: string[]): Promise<T[]> {
    const text = await this.must(['ip', '-json', ...args]);
    return text.trim() === '' ? [] : JSON.parse(text);
  }

  /** Sets a sysctl, given as its path under /proc/sys. */
  async sysctl(path: string, value: string): Promise<void> {
    await this.must(['tee', `/proc/sys/${path}`], { input: value });
  }

  /**
   * Disables duplicate address detection on an interface that is still down. With detection, its link-local address is
   * tentative for a second or two. Until then forwarded packets find no neighbours, because ndisc_solicit
   * (net/ipv6/ndisc.c) needs a link-local source address.
   */
  withoutDad(device: string): Promise<void> {
    return this.sysctl(`net/ipv6/conf/${device}/accept_dad`, '0');
  }

  /** Starts a program that keeps running here until it is killed, at the latest with the sandbox. */
  start(argv: readonly string[], { env, logFile }: StartOptions = {}): ChildProcess {
    const [file = '', ...args] = this.argv(argv);
    const log = logFile === undefined ? 'ignore' : openSync(logFile, 'a');
    const child = spawn(file, args, { stdio: ['ignore', log, log], env });
    if (typeof log === 'number') {
      closeSync(log);
    }
    return child;
  }
}
