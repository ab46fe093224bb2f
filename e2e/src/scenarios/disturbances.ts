/** Disturbances of a running cluster: restarts, upgrades, an API server outage, a reboot. */
import { withoutApiServer } from '../api-server.ts';
import { whilePinging } from '../background-ping.ts';
import { lastEvents, nodeAddress, nodeNames, readyNodes } from '../cluster.ts';
import { type Context, machinesOf, type Scenario } from '../context.ts';
import { leftovers, reservations } from '../leftovers.ts';
import { logOperatorView } from '../operator-view.ts';
import {
  awaitPods,
  createPods,
  get,
  inNamespace,
  type Pod,
  ping,
  podsOfNetwork,
  runningPods,
  startPods,
} from '../pods.ts';
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
  ping(cluster, pod, other.ips);
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
      logOperatorView(context.cluster, `containerd of ${from.node} is stopped`);
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
        logOperatorView(context.cluster, 'the API server is down');
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

const REBOOTED = { pods: 30, hostPorts: 3, firstHostPort: 31_990 };

/** Starts the pods that the reboot ends, some of them with a host port. */
async function podsToReboot({ cluster }: Context, node: string, namespace: string): Promise<void> {
  await startPods(
    cluster,
    Array.from({ length: REBOOTED.pods }, (_, i) => ({
      name: `rebooted-${i}`,
      node,
      hostPort: i < REBOOTED.hostPorts ? REBOOTED.firstHostPort + i : undefined,
    })),
    namespace,
  );
}

/** Ends containers, network namespaces, links, routes and rules, and empties /run, as a reboot does. */
const REBOOT = `for shim in $(pgrep -f containerd-shim); do kill -9 -- $(pgrep -P $shim) $shim; done
umount -l /run/netns/* 2>/dev/null
ip link del cni0; ip route flush proto 201; ip -6 route flush proto 201
nft flush ruleset
for id in $(findmnt -rno TARGET | grep '^/run/containerd/' | sort -r); do umount -l $id; done
find /run -xdev -mindepth 1 -maxdepth 1 ! -name kubelab -exec rm -rf {} +
mkdir -p /run/lock /run/netns`;

export const reboot: Scenario = {
  title: `the ${REBOOTED.pods} pods of a rebooted node come back, and no address, link or host port leaks or is given twice`,
  fault: true,
  needs: ['machines'],
  async run(context) {
    const { cluster } = context;
    const [pod, other] = await pair(context);
    const { node } = pod;
    const summary = await inNamespace(cluster, 'e2e-reboot', async (namespace) => {
      await podsToReboot(context, node, namespace);
      const machines = machinesOf(context);
      const processes = ['kubelet', 'containerd', ...(cluster.proxy === undefined ? [] : ['kube-proxy'])];
      for (const name of processes) {
        machines.stop(node, name, 'KILL');
      }
      machines.exec(node, 'bash', '-c', REBOOT);
      logOperatorView(cluster, `${node} is down`);
      await resumeRuntime(context, node);
      for (const name of processes.filter((one) => one !== 'containerd')) {
        machines.resume(node, name);
      }
      await everyNodeReady(context);
      const back = await waitFor(
        `the pods of ${node} to run again`,
        () => {
          const running = runningPods(cluster, undefined, namespace);
          const first = runningPods(cluster).find(({ name }) => name === pod.name);
          return running.length === REBOOTED.pods && first && pings(context, first, other)
            ? [...running, first]
            : undefined;
        },
        () => lastEvents(cluster),
      );
      await holdsItsPods(context, node);
      hostPortsAnswer(context, node, back, other);
      return `${reservations(context, node).length} addresses reserved, each used by one pod`;
    });
    await holdsItsPods(context, node);
    return summary;
  },
};

/** Waits until the node holds one host end for each pod, and exactly the pods' addresses. */
async function holdsItsPods(context: Context, node: string): Promise<void> {
  const actual = () => {
    const links = leftovers(context, node).filter((name) => name.startsWith('veth')).length;
    return `${links} links, addresses ${reservations(context, node).join(' ')}`;
  };
  const expected = () => {
    const pods = podsOfNetwork(context.cluster).filter((one) => one.node === node);
    const ips = pods.flatMap(({ ips }) => ips).sort();
    return `${pods.length} links, addresses ${ips.join(' ')}`;
  };
  await waitFor(
    `node ${node} to hold what its pods use`,
    () => (actual() === expected() ? true : undefined),
    () => `It holds ${actual()}; its pods use ${expected()}`,
  );
}

function pings({ cluster }: Context, from: Pod, to: Pod): boolean {
  try {
    ping(cluster, from, to.ips);
    return true;
  } catch {
    return false;
  }
}

/** @throws {Error} when a host port leads to another pod than the one that has it */
function hostPortsAnswer({ cluster }: Context, node: string, pods: readonly Pod[], client: Pod): void {
  for (let i = 0; i < REBOOTED.hostPorts; i++) {
    const expected = pods.find(({ name }) => name === `rebooted-${i}`)!.name;
    const answer = get(cluster, client, nodeAddress(cluster, node), REBOOTED.firstHostPort + i);
    if (answer !== expected) {
      throw new Error(`The host port of ${expected} answers ${JSON.stringify(answer)}`);
    }
  }
}
