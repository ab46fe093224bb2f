import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { podNamespace } from './background-ping.ts';
import { type Context, machinesOf } from './context.ts';
import type { Pod } from './pods.ts';

/** Starts a program of the node in a pod's network namespace; returns the function that ends it. */
export function startInPod(context: Context, pod: Pod, name: string, ...argv: string[]): () => void {
  const machines = machinesOf(context);
  machines.start(pod.node, name, ...inNamespaceOf(context, pod), ...argv);
  return () => machines.stop(pod.node, name, 'KILL');
}

/** The command line that runs a program of the node in a pod's network namespace. */
export function inNamespaceOf(context: Context, pod: Pod): string[] {
  return ['nsenter', `--net=${podNamespace(context, pod)}`];
}

export interface PodProgram {
  /** Returns the complete lines that the program has printed. */
  lines(): string[];
  end(): void;
}

/** Starts a program of `src/programs` in a pod's network namespace. */
export function startProgram(context: Context, pod: Pod, program: string, ...argv: string[]): PodProgram {
  const name = `${program}-${pod.namespace}-${pod.name}`;
  const path = join(context.repository, 'e2e/src/programs', `${program}.ts`);
  const end = startInPod(context, pod, name, process.execPath, path, ...argv);
  const log = machinesOf(context).log(pod.node, name);
  return {
    end,
    lines: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : []),
  };
}
