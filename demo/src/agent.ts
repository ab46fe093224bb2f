import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { executablePath } from '@cnikit/plugin';
import { exitOf, fileEvents, type LabNode, type Outcome, until } from '@cnikit/testing-lab';

const fileOf = (path: string) => fileURLToPath(new URL(`../../packages/${path}`, import.meta.url));
const AGENT = fileOf('agent/dist/cnikit-agent.js');
const READY = fileURLToPath(new URL('./programs/ready.ts', import.meta.url));

/** The agent of one node: the built program, as its own process, in the node's namespaces. */
export class Agent {
  readonly logFile: string;
  readonly #node: LabNode;
  readonly #kubeconfig: string;
  #process: ChildProcess | undefined;

  constructor(node: LabNode, kubeconfig: string) {
    this.#node = node;
    this.logFile = node.path('/run/log/cnikit-agent.log');
    this.#kubeconfig = '/run/kubeconfig';
    writeFileSync(node.path(this.#kubeconfig), kubeconfig, { mode: 0o600 });
  }

  /** Runs another command of it, which looks and changes nothing. */
  look(command: 'plan' | 'doctor' | 'status'): Promise<Outcome> {
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
    ];
  }

  /** Starts it and waits for what tells a kubelet that the node is ready: a conflist, written last of all. */
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
          throw new Error(`The agent on ${node.name} ended: ${this.lastWords()}`);
        }
        return existsSync(`${directory}/05-cnikit.conflist`);
      },
      { wakes: [fileEvents(directory), exitOf(child)] },
    );
  }

  /** Waits until it says that everything on its node is as it should be. */
  async ready(timeoutMs = 20_000): Promise<void> {
    await this.#node.must([process.execPath, READY, String(timeoutMs)], { timeoutMs: timeoutMs + 5_000 });
  }

  /** Ends it as a DaemonSet's update does, and waits for its end. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    child.kill('SIGTERM');
    await once(child, 'exit');
  }

  /** The end of its log. */
  lastWords(lines = 5): string {
    const log = existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
    return log.trimEnd().split('\n').slice(-lines).join('\n');
  }
}
