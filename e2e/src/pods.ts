/** Pods of the scenarios: create, find and query them. */
import { type Cluster, items, lastEvents } from './cluster.ts';
import { waitFor } from './wait.ts';

export interface Pod {
  name: string;
  namespace: string;
  node: string;
  ips: string[];
}

export interface PodPlan {
  name: string;
  /** Node of the pod; absent: the scheduler chooses. */
  node?: string | undefined;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** @default a web server on port 8080 that returns the pod's name */
  command?: string[];
  hostPort?: number | undefined;
  /** More fields of the pod's spec. */
  spec?: object;
}

export const LABEL = 'cnikit-e2e';
export const PORT = 8080;
const SERVE = `hostname > /www/index.html; exec httpd -f -p ${PORT} -h /www`;

/** Metadata and spec, as in a pod or a template. */
export function podTemplate({ podImage }: Cluster, plan: Omit<PodPlan, 'name'>): object {
  const { node, labels = {}, annotations = {}, command = ['sh', '-c', SERVE], hostPort, spec = {} } = plan;
  return {
    metadata: { labels: { app: LABEL, ...labels }, annotations },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [{ ...container(podImage, command), ports: [{ containerPort: PORT, hostPort }] }],
      ...spec,
    },
  };
}

/** A container of the test image. */
export function container(image: string, command: string[], name = 'main'): object {
  const imagePullPolicy = image.startsWith('localhost/') ? 'Never' : 'IfNotPresent';
  return { name, image, imagePullPolicy, command };
}

export function createPods(cluster: Cluster, plans: readonly PodPlan[], namespace = 'default'): void {
  const objects = plans.map((plan) => {
    const { metadata, spec } = podTemplate(cluster, plan) as { metadata: object; spec: object };
    return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: plan.name, namespace }, spec };
  });
  cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
}

interface PodObject {
  metadata: { name: string; namespace: string; deletionTimestamp?: string };
  spec: { nodeName?: string; hostNetwork?: boolean };
  status: { phase: string; podIPs?: { ip: string }[] };
}

/** The running pods with a label. */
export function runningPods(cluster: Cluster, selector = `app=${LABEL}`, namespace = 'default'): Pod[] {
  return running(items<PodObject>(cluster, 'pods', '-n', namespace, '-l', selector));
}

/** The running pods of all namespaces, without those on the host network. */
export function podsOfNetwork(cluster: Cluster): Pod[] {
  return running(items<PodObject>(cluster, 'pods', '-A').filter(({ spec }) => !spec.hostNetwork));
}

function running(pods: readonly PodObject[]): Pod[] {
  return pods
    .filter(({ metadata, status }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      namespace: metadata.namespace,
      node: spec.nodeName ?? '',
      ips: (status.podIPs ?? []).map(({ ip }) => ip),
    }));
}

export async function awaitPods(
  cluster: Cluster,
  count: number,
  selector?: string,
  namespace?: string,
): Promise<Pod[]> {
  return await waitFor(
    `${count} pods to run`,
    () => {
      const pods = runningPods(cluster, selector, namespace);
      return pods.length === count && pods.every(({ ips }) => ips.length > 0) ? pods : undefined;
    },
    () => lastEvents(cluster),
  );
}

/** Creates pods in a new namespace, runs `body`, and deletes the namespace with all objects in it. */
export async function inNamespace<T>(
  cluster: Cluster,
  namespace: string,
  body: (namespace: string) => Promise<T>,
): Promise<T> {
  cluster.kubectl('create', 'namespace', namespace);
  try {
    // Kubernetes creates the account of its pods a moment later.
    await waitFor(`the service account of ${namespace}`, () =>
      cluster.kubectl('-n', namespace, 'get', 'serviceaccounts', '-o', 'name') === '' ? undefined : true,
    );
    return await body(namespace);
  } finally {
    // Kubernetes waits 5 s before it starts to empty a namespace.
    await cluster.kubectlAsync('delete', 'namespace', namespace, '--wait=true', '--timeout=240s');
  }
}

/** Creates pods and waits until all of them run; the result has their order. */
export async function startPods(
  cluster: Cluster,
  plans: readonly PodPlan[],
  namespace: string,
): Promise<Pod[]> {
  createPods(cluster, plans, namespace);
  const names = plans.map(({ name }) => name);
  const pods = names.map((name) => `pod/${name}`);
  // Other scenarios go on during this. After its failure, the error below says more.
  await cluster
    .kubectlAsync('-n', namespace, 'wait', '--for=condition=Ready', '--timeout=300s', ...pods)
    .catch(() => undefined);
  return await waitFor(
    `${names.join(', ')} to run`,
    () => {
      const pods = runningPods(cluster, 'app', namespace);
      const found = names.flatMap((name) => pods.find((pod) => pod.name === name) ?? []);
      return found.length === names.length && found.every(({ ips }) => ips.length > 0) ? found : undefined;
    },
    () => lastEvents(cluster),
  );
}

/**
 * Runs a shell script in a pod and returns its output.
 *
 * @throws {Error} when the script fails
 */
export function inPod({ kubectl }: Cluster, pod: Pod, script: string, ...args: string[]): string {
  return kubectl('-n', pod.namespace, 'exec', pod.name, '--', 'sh', '-c', script, ...args);
}

/**
 * Sends one echo request from a pod to each address.
 *
 * @throws {Error} when a reply does not arrive
 */
export function ping(cluster: Cluster, from: Pod, ips: readonly string[]): void {
  inPod(cluster, from, 'for ip; do ping -c 1 -W 5 "$ip" || exit; done', 'ping', ...ips);
}

/**
 * Requests a page with nc (wget of a static busybox needs the C library's resolver) and returns its body.
 *
 * @throws {Error} when the connection fails
 */
export function get(cluster: Cluster, from: Pod, host: string, port: number): string {
  const script = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 10 "$0" "$1"`;
  const answer = inPod(cluster, from, script, host, String(port));
  return answer.slice(answer.indexOf('\r\n\r\n')).trim();
}
