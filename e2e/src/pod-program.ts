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
