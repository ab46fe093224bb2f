/** Pods of the scenarios: made, found and asked. */
import { type Cluster, items, lastEvents } from './cluster.ts';
import { waitFor } from './wait.ts';

export interface Pod {
  name: string;
  node: string;
  ips: string[];
}

export interface PodPlan {
  name: string;
  /** Bound to this node; absent: the scheduler's choice. */
  node?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** By default a web server on port 8080 that tells the pod's name. */
  command?: string[];
  hostPort?: number;
}

export const LABEL = 'cnikit-e2e';
export const PORT = 8080;
const SERVE = `hostname > /www/index.html; exec httpd -f -p ${PORT} -h /www`;

/** The part of a pod that is also a template's. */
export function podTemplate({ podImage }: Cluster, plan: Omit<PodPlan, 'name'>): object {
  const { node, labels = {}, annotations = {}, command = ['sh', '-c', SERVE], hostPort } = plan;
  return {
    metadata: { labels: { app: LABEL, ...labels }, annotations },
    spec: {
      ...(node === undefined ? {} : { nodeName: node }),
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image: podImage,
          imagePullPolicy: podImage.startsWith('localhost/') ? 'Never' : 'IfNotPresent',
          command,
          ports: [{ containerPort: PORT, ...(hostPort === undefined ? {} : { hostPort }) }],
        },
      ],
    },
  };
}

export function createPods(cluster: Cluster, plans: readonly PodPlan[]): void {
  const objects = plans.map((plan) => {
    const { metadata, spec } = podTemplate(cluster, plan) as { metadata: object; spec: object };
    return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: plan.name }, spec };
  });
  cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
}

interface PodObject {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { phase: string; podIPs?: { ip: string }[] };
}

/** The running pods with a label, by name. */
export function runningPods(cluster: Cluster, selector = `app=${LABEL}`): Pod[] {
  return items<PodObject>(cluster, 'pods', '-l', selector)
    .filter(({ metadata, status }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      node: spec.nodeName ?? '',
      ips: (status.podIPs ?? []).map(({ ip }) => ip),
    }));
}

export async function awaitPods(cluster: Cluster, count: number, selector?: string): Promise<Pod[]> {
  return await waitFor(
    `${count} pods to run`,
    () => {
      const pods = runningPods(cluster, selector);
      return pods.length === count && pods.every(({ ips }) => ips.length > 0) ? pods : undefined;
    },
    () => lastEvents(cluster),
  );
}

/** One echo request from a pod; throws when nothing answers. */
export function ping({ kubectl }: Cluster, from: Pod, ip: string): void {
  kubectl('exec', from.name, '--', 'ping', ip.includes(':') ? '-6' : '-4', '-c', '1', '-W', '5', ip);
}

/** What a web server at the address says to a pod. By nc: wget of a static busybox looks for the C library's resolver. */
export function get({ kubectl }: Cluster, from: Pod, host: string, port: number): string {
  const script = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 10 "$0" "$1"`;
  const answer = kubectl('exec', from.name, '--', 'sh', '-c', script, host, String(port));
  return answer.slice(answer.indexOf('\r\n\r\n')).trim();
}
