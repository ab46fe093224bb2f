/** The cluster as kubectl shows it to an operator during and after a fault. */
import { type Cluster, lastEvents } from './cluster.ts';

/** Prints nodes, their conditions, taints and events, and the latest events of all objects. */
export function logOperatorView(cluster: Cluster, moment: string): void {
  console.log(indented(`${moment}:\n${operatorView(cluster)}`));
}

function operatorView(cluster: Cluster): string {
  const { kubectl } = cluster;
  const sections = [
    () => kubectl('get', 'nodes', '-o', 'wide'),
    // Without the option, kubectl omits the events of nodes that are not named.
    () => describedNodes(kubectl('describe', 'nodes', '--show-events=true')),
    () => lastEvents(cluster),
  ];
  return sections
    .map((section) => {
      try {
        return section().trimEnd();
      } catch (error) {
        // Without an API server the operator sees kubectl's error.
        return error instanceof Error ? error.message : String(error);
      }
    })
    .join('\n');
}

/** The parts of `kubectl describe nodes` that a fault changes. */
export function describedNodes(description: string): string {
  return (
    description.match(/^(Name|Taints|Unschedulable):.*|^(Conditions|Events):.*\n(?: .*\n?)*/gm)?.join('\n') ??
    ''
  );
}

function indented(text: string): string {
  return text.replace(/^/gm, '      | ');
}
