/** Programs that enforce policies on the node. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlClient } from '@cnikit/apiserver-fake';
import { nodeName, startAgent } from '../agent/cluster.ts';

/** Go programs. */
export const KUBE_ROUTER = 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router@v2.1.0';
export const KUBE_NETWORK_POLICIES = 'sigs.k8s.io/kube-network-policies/cmd@v0.8.0';

/** The queue of kube-network-policies. */
export const QUEUE = 100;

export interface Running {
  pid: number;
  /** Ends the program, which leaves its rules. */
  stop: () => Promise<void>;
}

/** Starts cnikit's agent. */
export const startCnikit = (): Promise<Running> => startAgent([], ['--network-policy', '--layout=routed']);

/** Starts only the firewall of kube-router. `bin` is the folder of the program. */
export async function startKubeRouter(bin: string, control: ControlClient): Promise<Running> {
  const dir = mkdtempSync('/run/cnikit-bench-');
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, await control.call<string>('kubeconfig'));
  const running = start(
    join(bin, 'kube-router'),
    {
      kubeconfig,
      'run-firewall': 'true',
      'run-router': 'false',
      'run-service-proxy': 'false',
      'health-port': '0',
    },
    { NODE_NAME: nodeName(1) },
  );
  return {
    ...running,
    stop: async () => {
      await running.stop();
      rmSync(dir, { recursive: true });
    },
  };
}

/** Starts kube-network-policies, which finds the API server as a pod does. */
export function startKubeNetworkPolicies(bin: string): Running {
  return start(join(bin, 'cmd'), {
    'hostname-override': nodeName(1),
    'disable-nri': 'true',
    'metrics-bind-address': '127.0.0.1:0',
    'nfqueue-id': String(QUEUE),
  });
}

function start(program: string, flags: Record<string, string>, env: NodeJS.ProcessEnv = {}): Running {
  const argv = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child: ChildProcess = spawn(program, argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let log = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    log = `${log}${text}`.slice(-2000);
  });
  let isWanted = true;
  child.once('exit', (code) => {
    if (isWanted) {
      throw new Error(`${program} exited with status ${code}: ${log}`);
    }
  });
  return {
    pid: child.pid!,
    stop: async () => {
      isWanted = false;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Removes the rules of any program. */
export function clearRules(): void {
  spawnSync('nft', ['flush', 'ruleset']);
  spawnSync('ipset', ['destroy']);
}
