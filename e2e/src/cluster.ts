/** A Kubernetes cluster, as the scenarios see it. */

export interface Command {
  status: number;
  stdout: string;
  stderr: string;
}

export interface Cluster {
  /**
   * Runs kubectl as cluster administrator and returns its output.
   *
   * @throws {Error} when kubectl fails
   */
  kubectl(...argv: string[]): string;
  /** Like {@link kubectl}, for a command that waits: scenarios that run at the same time go on. */
  kubectlAsync(...argv: string[]): Promise<string>;
  /** Runs `kubectl apply -f -` with objects as JSON or YAML. */
  apply(manifest: string): void;
  /** Image of the pods: sh, ping, httpd, nslookup and nc, as busybox has them. */
  readonly podImage: string;
  /** Minor version of the API server: 37 is Kubernetes 1.37. */
  readonly minor: number;
  /** Mode of kube-proxy; absent when the cluster has no kube-proxy. */
  readonly proxy?: string | undefined;
  /** The nodes as machines; absent without access to them. */
  readonly machines?: Machines;
}

export interface Machines {
  /** Runs a command on a node. */
  exec(node: string, ...argv: string[]): Command;
  /** Starts a background process on a node; its output is at {@link log}. */
  start(node: string, name: string, ...argv: string[]): void;
  /** Ends a process of {@link start} or of the cluster itself: kubelet, containerd; on `cp` kube-apiserver. */
  stop(node: string, name: string, signal?: string): void;
  /** Starts a stopped process again, with `options` after its earlier arguments. */
  resume(node: string, name: string, ...options: string[]): void;
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

/** The nodes that a kubelet registered, which gives them this label: not those that a scenario invents. */
export function nodeNames({ kubectl }: Cluster): string[] {
  return names(kubectl('get', 'nodes', '-l', 'kubernetes.io/hostname', '-o', 'name'));
}

/** Returns the items of `kubectl get … -o json`. */
export function items<T>({ kubectl }: Cluster, ...argv: string[]): T[] {
  return (JSON.parse(kubectl('get', ...argv, '-o', 'json')) as { items: T[] }).items;
}

interface NodeObject {
  metadata: { name: string };
  status: {
    conditions?: { type: string; status: string }[];
    addresses?: { type: string; address: string }[];
  };
}

export function readyNodes(cluster: Cluster): string[] {
  return items<NodeObject>(cluster, 'nodes')
    .filter(({ status }) =>
      status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
    )
    .map(({ metadata }) => metadata.name);
}

/** The InternalIP addresses of each node, by its name. */
export function nodeAddresses(cluster: Cluster): Map<string, string[]> {
  return new Map(
    items<NodeObject>(cluster, 'nodes').map(({ metadata, status }) => [
      metadata.name,
      (status.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
    ]),
  );
}

/**
 * The first InternalIP of a node, whose family is the cluster's first one.
 *
 * @throws {Error} when the node has none
 */
export function nodeAddress(cluster: Cluster, node: string): string {
  const [address] = nodeAddresses(cluster).get(node) ?? [];
  if (address === undefined) {
    throw new Error(`Node ${node} has no InternalIP`);
  }
  return address;
}

/** The IP version of the cluster's first family: 6 on a cluster without IPv4. */
export function ipVersion(cluster: Cluster): 4 | 6 {
  const [node = ''] = nodeNames(cluster);
  return nodeAddress(cluster, node).includes(':') ? 6 : 4;
}

/** The latest events, for the message of a wait that timed out. */
export function lastEvents({ kubectl }: Cluster): string {
  return kubectl('get', 'events', '-A', '--sort-by=.lastTimestamp').split('\n').slice(-15).join('\n');
}
