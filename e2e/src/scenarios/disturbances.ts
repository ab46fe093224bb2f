/** What happens to a cluster in its life: restarts, upgrades, an API server that is away. */
import { withoutApiServer } from '../api-server.ts';
import { whilePinging } from '../background-ping.ts';
import { type Bed, machinesOf, type Scenario } from '../bed.ts';
import { lastEvents, nodeNames, readyNodes } from '../cluster.ts';
import { reservations } from '../leftovers.ts';
import { awaitPods, createPods, type Pod, ping, runningPods } from '../pods.ts';
import { waitFor } from '../wait.ts';
import { NAMESPACE } from './install.ts';

/** Two of the pods that stay, on different nodes. */
async function pair({ cluster }: Bed): Promise<[Pod, Pod]> {
  const nodes = nodeNames(cluster);
  const pods = await awaitPods(cluster, nodes.length * 2);
  const on = (node: string | undefined) => pods.find((pod) => pod.node === node) as Pod;
  return [on(nodes[0]), on(nodes[1] ?? nodes[0])];
}

/** A new pod starts on the node and reaches another; then it goes. */
async function newPodWorks({ cluster }: Bed, node: string, other: Pod): Promise<void> {
  createPods(cluster, [{ name: 'newcomer', node, labels: { app: 'e2e-newcomer' } }]);
  const [pod] = (await awaitPods(cluster, 1, 'app=e2e-newcomer')) as [Pod];
  for (const ip of other.ips) {
    ping(cluster, pod, ip);
  }
  cluster.kubectl('delete', 'pod', 'newcomer', '--wait=true', '--timeout=180s');
}

async function everyNodeReady({ cluster }: Bed): Promise<void> {
  const count = nodeNames(cluster).length;
  await waitFor(
    'every node to be Ready',
    () => (readyNodes(cluster).length === count ? true : undefined),
    () => lastEvents(cluster),
  );
}

export const runtimeRestarts: Scenario = {
  title: 'kubelet and containerd restart: pods do not notice, and new ones start',
  onMachines: true,
  async run(bed) {
    const [from, to] = await pair(bed);
    const machines = machinesOf(bed);
    return await whilePinging(bed, from, to, async () => {
      machines.stop(from.node, 'containerd');
      await resumeRuntime(bed, from.node);
      machines.stop(from.node, 'kubelet');
      machines.resume(from.node, 'kubelet');
      await newPodWorks(bed, from.node, to);
      await everyNodeReady(bed);
    });
  },
};

export const upgrade: Scenario = {
  title: 'every agent is replaced by a rolling update: a ping between pods loses nothing',
  onMachines: true,
  async run(bed) {
    const [from, to] = await pair(bed);
    const { kubectl } = bed.cluster;
    return await whilePinging(bed, from, to, async () => {
      kubectl('-n', NAMESPACE, 'rollout', 'restart', 'daemonset/cnikit-agent');
      kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/cnikit-agent', '--timeout=240s');
    });
  },
};

/** Without an init system nobody starts a kubelet again that came before its runtime. */
async function resumeRuntime(bed: Bed, node: string): Promise<void> {
  machinesOf(bed).resume(node, 'containerd');
  await waitFor('containerd to answer', () =>
    machinesOf(bed).exec(node, 'ctr', 'version').status === 0 ? true : undefined,
  );
}

const OUTAGE_MS = 60_000;

export const apiOutage: Scenario = {
  title: `the API server is away for ${OUTAGE_MS / 1000} s: pods talk on, the agents stay, and kubelet makes a killed pod anew`,
  onMachines: true,
  async run(bed) {
    const [from, to] = await pair(bed);
    const restarts = agentRestarts(bed);
    const said = await whilePinging(bed, from, to, async () => {
      const victim = runningPods(bed.cluster).find(
        ({ node, name }) => node === from.node && name !== from.name,
      ) as Pod;
      await withoutApiServer(bed, async () => {
        const ended = Date.now() + OUTAGE_MS;
        await sandboxAnew(bed, victim);
        await waitFor('the minute to pass', () => (Date.now() > ended ? true : undefined));
      });
      await everyNodeReady(bed);
    });
    if (agentRestarts(bed) !== restarts) {
      throw new Error('An agent was restarted meanwhile');
    }
    return said;
  },
};

/** Ends a pod's sandbox under the kubelet, which then makes another one, without asking the API server. */
async function sandboxAnew(bed: Bed, pod: Pod): Promise<void> {
  const machines = machinesOf(bed);
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

function agentRestarts({ cluster }: Bed): string {
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
  title: 'a node reboots (everything in it ends, /run is empty): its pods come back, with no address lost',
  onMachines: true,
  async run(bed) {
    const [pod, other] = await pair(bed);
    const machines = machinesOf(bed);
    for (const name of ['kubelet', 'containerd']) {
      machines.stop(pod.node, name);
    }
    // What a reboot ends and clears: containers, network namespaces, links and rules of ours, and the tmpfs.
    machines.exec(
      pod.node,
      'bash',
      '-c',
      `for shim in $(pgrep -f containerd-shim); do kill -9 -- $(pgrep -P $shim) $shim; done
       for ns in /run/netns/*; do umount $ns; rm -f $ns; done
       ip link del cni0; ip route flush proto 201; ip -6 route flush proto 201
       rm -rf /run/cnikit /run/containerd`,
    );
    await resumeRuntime(bed, pod.node);
    machines.resume(pod.node, 'kubelet');
    await everyNodeReady(bed);
    await waitFor(
      `the pods of ${pod.node} to run again`,
      () => {
        try {
          const back = runningPods(bed.cluster).find(({ name }) => name === pod.name);
          if (back === undefined) {
            return undefined;
          }
          for (const ip of other.ips) {
            ping(bed.cluster, back, ip);
          }
          return true;
        } catch {
          return undefined;
        }
      },
      () => lastEvents(bed.cluster),
    );
    const held = (): string[] =>
      runningPods(bed.cluster)
        .filter(({ node }) => node === pod.node)
        .flatMap(({ ips }) => ips)
        .sort();
    await waitFor(
      `the reservations of ${pod.node} to be those of its pods`,
      () => (reservations(bed, pod.node).join() === held().join() ? true : undefined),
      () => `${reservations(bed, pod.node).join(' ')} are reserved, pods have ${held().join(' ')}`,
    );
    return `${held().length} addresses, all of them pods'`;
  },
};
