import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { executablePath } from '@cnikit/plugin';
import { exitOf, fileEvents, type LabNode, type Outcome, until } from '@cnikit/testing-lab';

const fileOf = (path: string) => fileURLToPath(new URL(`../../packages/${path}`, import.meta.url));
const AGENT = fileOf('agent/dist/cnikit-agent.js');
const READY = fileURLToPath(new URL('./programs/ready.ts', import.meta.url));

/** Layout of the nodes' pods; absent: the agent's default. */
const LAYOUT = process.env.CNIKIT_DEMO_LAYOUT;
const DEFAULTS = LAYOUT === undefined ? [] : [`--layout=${LAYOUT}`];

/** The agent of one node: the built program in its own process, in the node's namespaces. */
export class Agent {
  readonly logFile: string;
  readonly #node: LabNode;
  readonly #kubeconfig: string;
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;

  /** @param options of the agent, such as `--network-policy` */
  constructor(node: LabNode, kubeconfig: string, options: readonly string[] = DEFAULTS) {
    this.#node = node;
    this.#options = options;
    this.logFile = node.path('/run/log/cnikit-agent.log');
    this.#kubeconfig = '/run/kubeconfig';
    writeFileSync(node.path(this.#kubeconfig), kubeconfig, { mode: 0o600 });
  }

  /** Runs a read-only command of the agent. */
  inspect(command: 'plan' | 'doctor' | 'status'): Promise<Outcome> {
    return this.#node.exec(this.#argv(command), { timeoutMs: 60_000 });
  }

  #argv(command: string): string[] {
    return [
      process.execPath,
      AGENT,
      command,
      `--node-name=${this.#node.name}`,
      `--kubeconfig=${this.#kubeconfig}`,
      `--plugin-binary=${executablePath()}`,
      ...this.#options,
    ];
  }

  /** Starts the agent and waits for its conflist, which it writes last and which makes the kubelet report Ready. */
  async start(): Promise<void> {
    const node = this.#node;
    const env = { PATH: process.env.PATH ?? '' };
    const child = node.start(this.#argv('run'), { env, logFile: this.logFile });
    this.#process = child;
    const directory = node.path('/etc/cni/net.d');
    await until(
      `the agent on ${node.name} to write its conflist`,
      () => {
        if (child.exitCode !== null) {
          throw new Error(`The agent on ${node.name} exited: ${this.logTail()}`);
        }
        return existsSync(`${directory}/05-cnikit.conflist`);
      },
      { wakes: [fileEvents(directory), exitOf(child)] },
    );
  }

  /** Waits until the agent reports the data path of its node as ready. */
  async ready(timeoutMs = 20_000): Promise<void> {
    await this.#node.must([process.execPath, READY, String(timeoutMs)], { timeoutMs: timeoutMs + 5_000 });
  }

  /** Sends SIGTERM, as an update of the DaemonSet does, and waits for the exit. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Sends SIGKILL and waits for the exit. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Returns the last lines of the agent's log. */
  logTail(lines = 5): string {
    const log = existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
    return log.trimEnd().split('\n').slice(-lines).join('\n');
  }
}
