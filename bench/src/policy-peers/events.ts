/** Events of a cluster that open or close the way from one pod to another. */
import type { ControlClient } from '@cnikit/apiserver-fake';
import { nodeName, routesTo } from '../agent/cluster.ts';
import { rawObjects } from '../policy/objects.ts';

const NAMESPACE = 'probe';
const [PREFIX, HOST_IP] = routesTo(1).map(
  ({ dst, via }) => [dst.replace(/\.\d+\/24$/, ''), via] as const,
)[0]!;
export const CLIENT = `${PREFIX}.252`;
export const SERVER = `${PREFIX}.253`;
/** More addresses are not left. */
export const MOST_PODS = 250;
const PODS_PER_POLICY = 4;
const RESOURCES = { Pod: 'pods', Namespace: 'namespaces', NetworkPolicy: 'networkpolicies' } as const;

/** One event: what changes, what that does to packets from client to server, and how it is written to the API. */
export interface ClusterEvent {
  title: string;
  effect: 'open' | 'closed';
  send: (control: ControlClient) => Promise<unknown>;
}

const putClient = (control: ControlClient, labels: object) =>
  control.call('put', 'pods', pod('client', CLIENT, labels));

/** Ends as it begins: no policy selects the server. */
export const EVENTS: readonly ClusterEvent[] = [
  {
    title: 'a policy that isolates a pod appears',
    effect: 'closed',
    send: (control) => control.call('put', 'networkpolicies', serverPolicy()),
  },
  {
    title: 'a pod gets a label that the policy admits',
    effect: 'open',
    send: (control) => putClient(control, { access: 'yes' }),
  },
  {
    title: 'it loses the label',
    effect: 'closed',
    send: (control) => putClient(control, {}),
  },
  {
    title: 'the policy is deleted',
    effect: 'open',
    send: (control) => control.call('delete', 'networkpolicies', 'server', NAMESPACE),
  },
];

/** Number of the policies beside {@link EVENTS}. */
export const policiesOf = (pods: number): number => Math.ceil(pods / PODS_PER_POLICY);

/** Writes a cluster of one node with `pods` pods and their policies to the API, and the two pods of {@link EVENTS}. */
export async function createCluster(control: ControlClient, pods: number): Promise<void> {
  let address = 1;
  for (const object of rawObjects({ pods, policies: policiesOf(pods), local: pods })) {
    const { kind, metadata } = object;
    const { name, namespace, labels } = metadata as { name: string; namespace: string; labels: object };
    await control.call(
      'put',
      RESOURCES[kind],
      kind === 'Pod' ? pod(name, `${PREFIX}.${++address}`, labels, namespace) : withProtocols(object),
    );
  }
  await control.call('put', 'namespaces', { metadata: { name: NAMESPACE } });
  await putClient(control, {});
  await control.call('put', 'pods', pod('server', SERVER, { app: 'server' }));
}

/** Returns the object with the default of `protocol`, which a real API server writes and kube-router relies on. */
const withProtocols = (object: object): object =>
  JSON.parse(JSON.stringify(object), (key, value) =>
    key === 'ports' ? value.map((port: object) => ({ protocol: 'TCP', ...port })) : value,
  );

/** An object as the kubelet reports it. kube-router takes the pods of a node by `hostIP`. */
function pod(name: string, address: string, labels: object, namespace = NAMESPACE): object {
  return {
    metadata: { name, namespace, labels },
    spec: {
      nodeName: nodeName(1),
      containers: [{ name: 'main', ports: [{ name: 'http', containerPort: 8000, protocol: 'TCP' }] }],
    },
    status: { phase: 'Running', hostIP: HOST_IP, podIP: address, podIPs: [{ ip: address }] },
  };
}

function serverPolicy(): object {
  return {
    metadata: { name: 'server', namespace: NAMESPACE },
    spec: {
      podSelector: { matchLabels: { app: 'server' } },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { access: 'yes' } } }],
          ports: ['UDP', 'TCP'].map((protocol) => ({ protocol, port: 80 })),
        },
      ],
    },
  };
}
