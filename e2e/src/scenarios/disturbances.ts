/** Disturbances of a running cluster: restarts, upgrades, an API server outage, a reboot. */
import { withoutApiServer } from '../api-server.ts';
import { whilePinging } from '../background-ping.ts';
import { lastEvents, nodeNames, readyNodes } from '../cluster.ts';
import { type Context, machinesOf, type Scenario } from '../context.ts';
import { reservations } from '../leftovers.ts';
import { awaitPods, createPods, type Pod, ping, podsOfNetwork, runningPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { NAMESPACE } from './install.ts';

/** Two of the permanent pods, on different nodes. */
async function pair({ cluster }: Context): Promise<[Pod, Pod]> {
  const nodes = nodeNames(cluster);
  const pods = await awaitPods(cluster, nodes.length * 2);
  const on = (node: string | undefined) => pods.find((pod) => pod.node === node) as Pod;
  return [on(nodes[0]), on(nodes[1] ?? nodes[0])];
}

/** Starts a pod on the node, pings another pod from it, and deletes it. */
async function newPodWorks({ cluster }: Context, node: string, other: Pod): Promise<void> {
  createPods(cluster, [{ name: 'newcomer', node, labels: { app: 'e2e-newcomer' } }]);
  const [pod] = (await awaitPods(cluster, 1, 'app=e2e-newcomer')) as [Pod];
  for (const ip of other.ips) {
    ping(cluster, pod, ip);
  }
  cluster.kubectl('delete', 'pod', 'newcomer', '--wait=true', '--timeout=180s');
}

async function everyNodeReady({ cluster }: Context): Promise<void> {
  const count = nodeNames(cluster).length;
  await waitFor(
    'every node to be Ready',
    () => (readyNodes(cluster).length === count ? true : undefined),
    () => lastEvents(cluster),
  );
}

export const runtimeRestarts: Scenario = {
  title: 'restarts of kubelet and containerd lose no ping between pods, and new pods start',
  fault: true,
  needs: ['machines'],
  async run(context) {
    const [from, to] = await pair(context);
    const machines = machinesOf(context);
    return await whilePinging(context, from, to, async () => {
      machines.stop(from.node, 'containerd');
      await resumeRuntime(context, from.node);
      machines.stop(from.node, 'kubelet');
      machines.resume(from.node, 'kubelet');
      await newPodWorks(context, from.node, to);
      await everyNodeReady(context);
    });
  },
};

export const upgrade: Scenario = {
  title: 'a rolling update of the agents loses no ping between pods',
  fault: true,
  needs: ['machines'],
  async run(context) {
    const [from, to] = await pair(context);
    const { kubectl } = context.cluster;
    return await whilePinging(context, from, to, async () => {
      kubectl('-n', NAMESPACE, 'rollout', 'restart', 'daemonset/cnikit-agent');
      kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/cnikit-agent', '--timeout=240s');
    });
  },
};

/** Waits for the runtime: no init system restarts a kubelet that was started before it. */
export async function resumeRuntime(context: Context, node: string): Promise<void> {
  machinesOf(context).resume(node, 'containerd');
  await waitFor('containerd to answer', () =>
    machinesOf(context).exec(node, 'ctr', 'version').status === 0 ? true : undefined,
  );
}

const OUTAGE_MS = 60_000;

export const apiOutage: Scenario = {
  title: `an API server outage of ${OUTAGE_MS / 1000} s loses no ping, restarts no agent, and kubelet recreates a killed pod`,
  fault: true,
  needs: ['machines'],
  async run(context) {
    const [from, to] = await pair(context);
    const restarts = agentRestarts(context);
    const summary = await whilePinging(context, from, to, async () => {
      const victim = runningPods(context.cluster).find(
        ({ node, name }) => node === from.node && name !== from.name,
      ) as Pod;
      await withoutApiServer(context, async () => {
        const ended = Date.now() + OUTAGE_MS;
        await replaceSandbox(context, victim);
        await waitFor('the minute to pass', () => (Date.now() > ended ? true : undefined));
      });
      await everyNodeReady(context);
    });
    if (agentRestarts(context) !== restarts) {
      throw new Error('An agent was restarted during the outage');
    }
    return summary;
  },
};

/** Kills a pod's sandbox, which kubelet then replaces without the API server. */
async function replaceSandbox(context: Context, pod: Pod): Promise<void> {
  const machines = machinesOf(context);
  const ctr = (...argv: string[]) => machines.exec(pod.node, 'ctr', '-n', 'k8s.io', ...argv).stdout;
  const sandboxes = () =>
    ctr(
      'containers',
      'ls',
      '-q',
      `labels."io.kubernetes.pod.name"==${pod.name},labels."io.cri-containerd.kind"==sandbox`,
    )
      .split('\n')
      .filter(Boolean);
  const before = sandboxes();
  for (const id of before) {
    ctr('tasks', 'kill', '-s', 'SIGKILL', '-a', id);
  }
  await waitFor(`a new sandbox of ${pod.name}`, () => {
    const fresh = sandboxes().find((id) => !before.includes(id));
    return fresh !== undefined &&
      ctr('tasks', 'ls')
        .split('\n')
        .some((line) => line.startsWith(fresh) && line.includes('RUNNING'))
      ? true
      : undefined;
  });
}

function agentRestarts({ cluster }: Context): string {
  const path = 'jsonpath={.items[*].status.containerStatuses[*].restartCount}';
  return cluster.kubectl(
    '-n',
    NAMESPACE,
    'get',
    'pods',
    '-l',
    'app.kubernetes.io/name=cnikit-agent',
    '-o',
    path,
  );
}

export const reboot: Scenario = {
  title: 'the pods of a rebooted node (processes killed, /run emptied) come back, and no address leaks',
  fault: true,
  needs: ['machines'],
  async run(context) {
    const [pod, other] = await pair(context);
    const machines = machinesOf(context);
    for (const name of ['kubelet', 'containerd']) {
      machines.stop(pod.node, name);
    }
    // A reboot ends containers, network namespaces, links and routes, and empties the tmpfs.
    machines.exec(
      pod.node,
      'bash',
      '-c',
      `for shim in $(pgrep -f containerd-shim); do kill -9 -- $(pgrep -P $shim) $shim; done
       for ns in /run/netns/*; do umount $ns; rm -f $ns; done
       ip link del cni0; ip route flush proto 201; ip -6 route flush proto 201
       rm -rf /run/cnikit /run/containerd`,
    );
    await resumeRuntime(context, pod.node);
    machines.resume(pod.node, 'kubelet');
    await everyNodeReady(context);
    await waitFor(
      `the pods of ${pod.node} to run again`,
      () => {
        try {
          const back = runningPods(context.cluster).find(({ name }) => name === pod.name);
          if (back === undefined) {
            return undefined;
          }
          for (const ip of other.ips) {
            ping(context.cluster, back, ip);
          }
          return true;
        } catch {
          return undefined;
        }
      },
      () => lastEvents(context.cluster),
    );
    const used = (): string[] =>
      podsOfNetwork(context.cluster)
        .filter(({ node }) => node === pod.node)
        .flatMap(({ ips }) => ips)
        .sort();
    await waitFor(
      `the reservations of ${pod.node} to be those of its pods`,
      () => (reservations(context, pod.node).join() === used().join() ? true : undefined),
      () => `${reservations(context, pod.node).join(' ')} are reserved, pods have ${used().join(' ')}`,
    );
    return `${used().length} addresses reserved, each used by a pod`;
  },
};
