/** A Kubernetes that cnikit is tried on, as the scenarios see it. */

export interface Command {
  status: number;
  stdout: string;
  stderr: string;
}

export interface Cluster {
  /** kubectl as cluster administrator; throws when it fails. */
  kubectl(...argv: string[]): string;
  /** The same with objects on stdin, as JSON or YAML: `kubectl apply -f -`. */
  apply(manifest: string): void;
  /** Image of the pods: sh, ping, httpd, wget and nc, as busybox has them. */
  readonly podImage: string;
  /** The nodes as machines; absent where nobody may log in. */
  readonly machines?: Machines;
}

export interface Machines {
  /** Runs a command on a node. */
  exec(node: string, ...argv: string[]): Command;
  /** Starts a background process on a node; its output is at {@link log}. */
  start(node: string, name: string, ...argv: string[]): void;
  /** Ends what {@link start} or the cluster itself started: kubelet, containerd; on `cp` kube-apiserver. */
  stop(node: string, name: string, signal?: string): void;
  /** Starts again what was stopped. */
  resume(node: string, name: string): void;
  log(node: string, name: string): string;
  /** Imports an image archive on every node. */
  load(archive: string): void;
}

export function names(list: string): string[] {
  return list
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replace(/^\w+\//, ''));
}

export function nodeNames({ kubectl }: Cluster): string[] {
  return names(kubectl('get', 'nodes', '-o', 'name'));
}

/** The lists of `kubectl get … -o json`. */
export function items<T>({ kubectl }: Cluster, ...argv: string[]): T[] {
  return (JSON.parse(kubectl('get', ...argv, '-o', 'json')) as { items: T[] }).items;
}

interface Conditions {
  metadata: { name: string };
  status: { conditions?: { type: string; status: string }[] };
}

/** The nodes that are Ready. */
export function readyNodes(cluster: Cluster): string[] {
  return items<Conditions>(cluster, 'nodes')
    .filter(({ status }) =>
      status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    )
    .map(({ metadata }) => metadata.name);
}

/** What happened last, for the message of something that did not come. */
export function lastEvents({ kubectl }: Cluster): string {
  return kubectl('get', 'events', '-A', '--sort-by=.lastTimestamp').split('\n').slice(-15).join('\n');
}
