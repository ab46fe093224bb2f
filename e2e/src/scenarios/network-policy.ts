import { type Cluster, lastEvents } from '../cluster.ts';
import type { Scenario } from '../context.ts';
import { get, inNamespace, PORT, type Pod, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { agentLog, POLICY_OVERLAY, withArguments } from './install.ts';

const SERVER = { podSelector: { matchLabels: { app: 'server' } } };
const FROM_CLIENT = { from: [{ podSelector: { matchLabels: { app: 'client' } } }], ports: [{ port: PORT }] };

export const networkPolicy: Scenario = {
  title:
    'NetworkPolicy: a default deny closes pods, a policy opens one to one client, deleting both opens all',
  needs: ['machines', 'patches of kustomize'],
  manifests: (context) => withArguments(context, POLICY_OVERLAY, 'deploy-policy'),
  async run({ cluster }) {
    return await inNamespace(cluster, 'e2e-policy', (namespace) => policies(cluster, namespace));
  },
};

async function policies(cluster: Cluster, namespace: string): Promise<string> {
  const names = ['server', 'client', 'other'];
  const plans = names.map((name) => ({ name, labels: { app: name } }));
  const [server, client, other] = (await startPods(cluster, plans, namespace)) as [Pod, Pod, Pod];
  const reaches = (from: Pod): boolean => {
    try {
      return server.ips.every((ip) => get(cluster, from, ip, PORT) === server.name);
    } catch {
      return false;
    }
  };
  const expect = (what: string, ofClient: boolean, ofOther: boolean) =>
    waitFor(
      what,
      () => (reaches(client) === ofClient && reaches(other) === ofOther ? true : undefined),
      () => `${lastEvents(cluster)}\n${agentLog(cluster.kubectl)}`,
    );
  await expect('both clients to connect without a policy', true, true);
  applyPolicy(cluster, namespace, 'default-deny', { podSelector: {}, policyTypes: ['Ingress'] });
  await expect('no client to connect under a default deny', false, false);
  // A new pod is closed from its start.
  const [late] = (await startPods(cluster, [{ name: 'late' }], namespace)) as [Pod];
  if (late.ips.some((ip) => connects(cluster, client, ip))) {
    throw new Error('A pod that started under a default deny was reached');
  }
  applyPolicy(cluster, namespace, 'allow', { ...SERVER, ingress: [FROM_CLIENT] });
  await expect('only the named client to connect', true, false);
  cluster.kubectl('-n', namespace, 'delete', 'networkpolicies', '--all');
  await expect('both clients to connect after the policies', true, true);
  return `${server.ips.join(' and ')}`;
}

function connects(cluster: Cluster, from: Pod, ip: string): boolean {
  try {
    return get(cluster, from, ip, PORT) !== '';
  } catch {
    return false;
  }
}

export function applyPolicy(cluster: Cluster, namespace: string, name: string, spec: object): void {
  const metadata = { name, namespace };
  cluster.apply(
    JSON.stringify({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec }),
  );
}
