/** Pods that end in every way that Kubernetes knows: no address, link, rule or host port must be left. */
import { type Cluster, items, lastEvents, nodeNames } from '../cluster.ts';
import { machinesOf, onNode, type Scenario } from '../context.ts';
import { leavingNothing } from '../leftovers.ts';
import { logOperatorView } from '../operator-view.ts';
import { awaitPods, container, createPods, podTemplate, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { resumeRuntime } from './disturbances.ts';

interface PodStatus {
  metadata: { name: string };
  status: {
    phase: string;
    reason?: string;
    podIP?: string;
    containerStatuses?: { restartCount: number }[];
  };
}

function statuses(cluster: Cluster, namespace: string): PodStatus[] {
  return items<PodStatus>(cluster, 'pods', '-n', namespace);
}

async function awaitStatus(
  cluster: Cluster,
  namespace: string,
  what: string,
  accept: (pods: PodStatus[]) => boolean,
): Promise<PodStatus[]> {
  return await waitFor(
    what,
    () => {
      const pods = statuses(cluster, namespace);
      return accept(pods) ? pods : undefined;
    },
    () => lastEvents(cluster),
  );
}

const COMPLETIONS = 100;

export const job: Scenario = {
  title: `a Job of ${COMPLETIONS} pods that end at once leaves nothing on the nodes`,
  needs: ['machines'],
  async run(context) {
    const { cluster } = context;
    return await leavingNothing(context, 'e2e-job', async (namespace) => {
      const { metadata, spec } = podTemplate(cluster, { command: ['true'] }) as {
        metadata: object;
        spec: object;
      };
      cluster.apply(
        JSON.stringify({
          apiVersion: 'batch/v1',
          kind: 'Job',
          metadata: { name: 'short', namespace },
          spec: {
            completions: COMPLETIONS,
            parallelism: COMPLETIONS / 2,
            template: { metadata, spec: { ...spec, restartPolicy: 'Never' } },
          },
        }),
      );
      await awaitStatus(
        cluster,
        namespace,
        `${COMPLETIONS} pods to end`,
        (pods) => pods.filter(({ status }) => status.phase === 'Succeeded').length === COMPLETIONS,
      );
      return undefined;
    });
  },
};

export const statefulSet: Scenario = {
  title: 'a StatefulSet that is replaced keeps its names, and no two pods share an address',
  needs: ['machines'],
  async run(context) {
    const { cluster } = context;
    return await leavingNothing(context, 'e2e-stateful-set', async (namespace) => {
      const labels = { app: 'stateful' };
      cluster.apply(
        JSON.stringify({
          apiVersion: 'apps/v1',
          kind: 'StatefulSet',
          metadata: { name: 'db', namespace },
          spec: {
            replicas: 3,
            serviceName: 'db',
            podManagementPolicy: 'Parallel',
            selector: { matchLabels: labels },
            template: podTemplate(cluster, { labels }),
          },
        }),
      );
      const { kubectl } = cluster;
      await awaitPods(cluster, 3, 'app=stateful', namespace);
      kubectl('-n', namespace, 'rollout', 'restart', 'statefulset/db');
      kubectl('-n', namespace, 'rollout', 'status', 'statefulset/db', '--timeout=280s');
      const pods = await awaitPods(cluster, 3, 'app=stateful', namespace);
      const ips = pods.flatMap((pod) => pod.ips);
      if (new Set(ips).size !== ips.length) {
        throw new Error(`Two pods have the same address: ${ips.join(' ')}`);
      }
      return pods.map(({ name, ips: [ip] }) => `${name} ${ip}`).join(', ');
    });
  },
};

export const failingPods: Scenario = {
  title: 'pods that crash, are evicted, or end beside a sidecar leave nothing on the nodes',
  needs: ['machines', 'sidecars'],
  fault: true,
  async run(context) {
    const { cluster } = context;
    return await leavingNothing(context, 'e2e-failing', async (namespace) => {
      const image = cluster.podImage;
      createPods(
        cluster,
        [
          { name: 'crashes', command: ['false'] },
          {
            name: 'evicted',
            spec: {
              containers: [
                {
                  ...container(image, [
                    'sh',
                    '-c',
                    'dd if=/dev/zero of=/data/file bs=1M count=16; sleep 3600',
                  ]),
                  volumeMounts: [{ name: 'data', mountPath: '/data' }],
                },
              ],
              volumes: [{ name: 'data', emptyDir: { sizeLimit: '1Mi' } }],
            },
          },
          {
            name: 'sidecar',
            spec: {
              restartPolicy: 'Never',
              initContainers: [
                container(image, ['true'], 'first'),
                { ...container(image, ['sleep', '3600'], 'proxy'), restartPolicy: 'Always' },
              ],
              containers: [container(image, ['true'])],
            },
          },
        ],
        namespace,
      );
      const pods = await awaitStatus(
        cluster,
        namespace,
        'three restarts, the eviction and the end beside the sidecar',
        (all) => {
          const one = (name: string) => all.find(({ metadata }) => metadata.name === name)?.status;
          const crash = one('crashes')?.containerStatuses?.[0];
          return (
            (crash?.restartCount ?? 0) >= 3 &&
            one('evicted')?.reason === 'Evicted' &&
            one('sidecar')?.phase === 'Succeeded'
          );
        },
      );
      return pods
        .map(({ metadata: { name }, status: { phase, reason = '' } }) => `${name} ${phase} ${reason}`.trim())
        .join(', ');
    });
  },
};

export const staticPod: Scenario = {
  title: 'a static pod gets an address, and leaves nothing when its manifest goes',
  needs: ['machines'],
  async run(context) {
    const { cluster } = context;
    const [node = ''] = nodeNames(cluster);
    return await leavingNothing(context, 'e2e-static', async (namespace) => {
      const file = '/etc/kubernetes/manifests/static.json';
      const { metadata, spec } = podTemplate(cluster, { labels: { app: 'static' } }) as {
        metadata: object;
        spec: object;
      };
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...metadata, name: 'static', namespace },
        spec,
      };
      onNode(context, node, 'sh', '-c', 'printf %s "$1" > "$0"', file, JSON.stringify(pod));
      try {
        const [running] = await awaitPods(cluster, 1, 'app=static', namespace);
        return `${running!.name} ${running!.ips.join(' ')}`;
      } finally {
        onNode(context, node, 'rm', '-f', file);
      }
    });
  },
};

export const forcedDeletion: Scenario = {
  title: 'a pod that is deleted by force while containerd is down leaves nothing when containerd is back',
  needs: ['machines'],
  fault: true,
  async run(context) {
    const { cluster } = context;
    const [node = ''] = nodeNames(cluster);
    return await leavingNothing(context, 'e2e-forced', async (namespace) => {
      await startPods(cluster, [{ name: 'forced', node, hostPort: 30_997 }], namespace);
      machinesOf(context).stop(node, 'containerd', 'KILL');
      logOperatorView(cluster, `containerd of ${node} is killed`);
      try {
        cluster.kubectl('-n', namespace, 'delete', 'pod', 'forced', '--force', '--grace-period=0');
      } finally {
        await resumeRuntime(context, node);
      }
      return undefined;
    });
  },
};
