import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { type ExecOptions, execute, must, type Outcome } from './command.ts';

/** How to start a program that goes on. */
export interface StartOptions {
  /** The whole environment; without it that of this process. */
  env?: Record<string, string>;
  /** The file that gets its standard output and standard error; without it they are dropped. */
  logFile?: string;
}

/** Somewhere commands run: a node, a pod, the outside host, each with a network namespace of its own. */
export class Place {
  readonly name: string;
  readonly #prefix: readonly string[];

  /** @param prefix the command that enters the place, such as `nsenter --target PID --net` */
  constructor(name: string, prefix: readonly string[]) {
    this.name = name;
    this.#prefix = prefix;
  }

  /** The whole command that runs `argv` here, as it can be typed in the sandbox. */
  argv(argv: readonly string[]): string[] {
    return [...this.#prefix, ...argv];
  }

  /** Runs a command here to its end, whatever its status. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<Outcome> {
    return execute(this.argv(argv), options);
  }

  /** Runs a command here that must succeed; returns what it wrote to standard output. */
  must(argv: readonly string[], options?: ExecOptions): Promise<string> {
    return must(this.argv(argv), options);
  }

  /** Runs several `ip` commands at once, the first that fails ends them: `ip -batch -`. */
  async ip(...commands: string[]): Promise<void> {
    await this.must(['ip', '-batch', '-'], { input: `${commands.join('\n')}\n` });
  }

  /** What an `ip -json` command tells. */
  async ipJson<T>(...args: string[]): Promise<T[]> {
    const text = await this.must(['ip', '-json', ...args]);
    return text.trim() === '' ? [] : JSON.parse(text);
  }

  /** Sets a sysctl, named by its path under /proc/sys. */
  async sysctl(path: string, value: string): Promise<void> {
    await this.must(['tee', `/proc/sys/${path}`], { input: value });
  }

  /**
   * Turns duplicate address detection off on an interface, before it comes up. Else its link-local address cannot be
   * used for a second or two, and until then nothing that is forwarded finds its neighbours (ndisc_solicit in
   * net/ipv6/ndisc.c asks from a link-local address then).
   */
  withoutDad(device: string): Promise<void> {
    return this.sysctl(`net/ipv6/conf/${device}/accept_dad`, '0');
  }

  /** Starts a program here that goes on until it is killed; ends with this process's sandbox at the latest. */
  start(argv: readonly string[], { env, logFile }: StartOptions = {}): ChildProcess {
    const [file = '', ...args] = this.argv(argv);
    const log = logFile === undefined ? 'ignore' : openSync(logFile, 'a');
    const child = spawn(file, args, { stdio: ['ignore', log, log], ...(env && { env }) });
    if (typeof log === 'number') {
      closeSync(log);
    }
    return child;
  }
}
