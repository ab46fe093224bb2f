/** The main job on real kubelets: nodes become Ready by our agent, pods ping, deletion gives all back. */
import { readFileSync, writeFileSync } from 'node:fs';
import { executablePath } from '@cnikit/plugin';
import type { Kubelab } from './kubelab.ts';
import { nodeWithoutAddress, podManifest, tokenKubeconfig } from './manifests.ts';
import { waitFor } from './wait.ts';

const NAMESPACE = 'kube-system';
const ACCOUNT = 'cnikit-agent';

export interface Scenario {
  lab: Kubelab;
  repository: string;
  /** A folder for the kubeconfig. */
  state: string;
  /** Runs a step and prints it with its duration. */
  step(title: string, body: () => Promise<string | undefined> | string | undefined): Promise<void>;
}

interface Pod {
  name: string;
  node: string;
  ips: string[];
}

export async function mainJob({ lab, repository, state, step }: Scenario): Promise<void> {
  const kubeconfig = `${state}/agent.kubeconfig`;
  let nodes: string[] = [];
  let pods: Pod[] = [];

  await step('nodes are registered and NotReady, for want of a CNI configuration', () => {
    nodes = names(lab.kubectl('get', 'nodes', '-o', 'name'));
    const ready = nodes.filter((node) => isReady(lab, node));
    if (ready.length > 0) throw new Error(`Ready before anything was installed: ${ready.join(', ')}`);
    return nodes.join(', ');
  });

  await step("deploy/'s service account and role, and a kubeconfig with that account's token", async () => {
    lab.apply(readFileSync(`${repository}/deploy/base/rbac.yaml`, 'utf8'));
    const token = await waitFor('a token of the service account', () => accountToken(lab));
    const { server, 'certificate-authority-data': caData } = clusterOf(lab);
    writeFileSync(kubeconfig, tokenKubeconfig(server, caData, token), { mode: 0o600 });
    return undefined;
  });

  await step('the agent starts on each node', () => {
    for (const node of nodes) {
      lab.start(
        node,
        'cnikit-agent',
        ...[
          'env',
          `NODE_NAME=${node}`,
          process.execPath,
          `${repository}/packages/agent/dist/cnikit-agent.js`,
        ],
        ...['run', '--kubeconfig', kubeconfig],
        ...['--plugin-binary', executablePath()],
      );
    }
    return undefined;
  });

  await step('every node becomes Ready', async () => {
    for (const node of nodes) {
      await waitFor(
        `node ${node} to be Ready`,
        () => isReady(lab, node) || undefined,
        () => tail(lab, node),
      );
    }
    return undefined;
  });

  await step('a Node appears that no route can lead to', () => {
    lab.apply(nodeWithoutAddress('ghost', '10.99.0.0/24'));
    return undefined;
  });

  await step('two pods a node run, with an address of each family', async () => {
    for (const node of nodes) {
      for (const n of [1, 2]) lab.apply(podManifest(`${node}-pod${n}`, node));
    }
    pods = await waitFor(
      'all pods to run',
      () => {
        const found = runningPods(lab);
        return found.length === nodes.length * 2 && found.every((pod) => pod.ips.length === 2)
          ? found
          : undefined;
      },
      () => lab.kubectl('get', 'events', '-A', '--sort-by=.lastTimestamp').split('\n').slice(-15).join('\n'),
    );
    return pods.map((pod) => `${pod.name} ${pod.ips.join(' ')}`).join('; ');
  });

  await step('all pods ping all pods, IPv4 and IPv6', () => {
    let pings = 0;
    for (const from of pods) {
      for (const to of pods) {
        for (const ip of to.ips) {
          const family = ip.includes(':') ? '-6' : '-4';
          lab.kubectl('exec', from.name, '--', 'ping', family, '-c', '1', '-W', '5', ip);
          pings++;
        }
      }
    }
    return `${pings} pings`;
  });

  await step('that it has no route is an Event of each node', async () => {
    const told = (): string[] => eventsOf(lab, 'RouteMissing');
    await waitFor(
      'the Events',
      () => (nodes.every((node) => told().includes(node)) ? true : undefined),
      () => `Events of ${told().join(', ')}\n${tail(lab, nodes[0]!)}`,
    );
    lab.kubectl('delete', 'node', 'ghost');
    return undefined;
  });

  await step('cnikit-agent doctor finds nothing wrong on any node', () => {
    for (const node of nodes) {
      const { status, stdout, stderr } = lab.exec(
        node,
        process.execPath,
        `${repository}/packages/agent/dist/cnikit-agent.js`,
        ...['doctor', '--node-name', node, '--kubeconfig', kubeconfig],
        ...['--plugin-binary', `${repository}/packages/plugin/build/cnikit`],
      );
      if (status !== 0) throw new Error(`On ${node}, status ${status}:\n${stdout}${stderr}`);
    }
    return undefined;
  });

  await step('deleting the pods frees every address and link', async () => {
    lab.kubectl('delete', 'pod', '-l', 'app=cnikit-e2e', '--wait=true', '--timeout=120s');
    for (const node of nodes) {
      await waitFor(
        `node ${node} to hold nothing`,
        () => (leftovers(lab, node).length === 0 ? true : undefined),
        () => leftovers(lab, node).join(', '),
      );
    }
    return 'no veth, no reservation';
  });

  await step('the agents stop and leave the data path as it is', () => {
    for (const node of nodes) {
      lab.stop(node, 'cnikit-agent');
      const routes = lab.exec(node, 'ip', 'route', 'show', 'proto', '201').stdout.trim().split('\n').length;
      if (routes !== nodes.length - 1) throw new Error(`Node ${node} has ${routes} routes of the agent's`);
    }
    return undefined;
  });
}

function names(list: string): string[] {
  return list
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replace(/^node\//, ''));
}

function isReady(lab: Kubelab, node: string): boolean {
  const path = '{.status.conditions[?(@.type=="Ready")].status}';
  return lab.kubectl('get', 'node', node, '-o', `jsonpath=${path}`).trim() === 'True';
}

/** The token of the account, from the secret the controller makes for it (Kubernetes before 1.24). */
function accountToken(lab: Kubelab): string | undefined {
  const secret = lab
    .kubectl('-n', NAMESPACE, 'get', 'serviceaccount', ACCOUNT, '-o', 'jsonpath={.secrets[0].name}')
    .trim();
  if (secret === '') return undefined;
  const token = lab.kubectl('-n', NAMESPACE, 'get', 'secret', secret, '-o', 'jsonpath={.data.token}').trim();
  return token === '' ? undefined : Buffer.from(token, 'base64').toString('utf8');
}

function runningPods(lab: Kubelab): Pod[] {
  const list = JSON.parse(lab.kubectl('get', 'pods', '-l', 'app=cnikit-e2e', '-o', 'json')) as {
    items: {
      metadata: { name: string };
      spec: { nodeName: string };
      status: { phase: string; podIPs?: { ip: string }[] };
    }[];
  };
  return list.items
    .filter((pod) => pod.status.phase === 'Running')
    .map((pod) => ({
      name: pod.metadata.name,
      node: pod.spec.nodeName,
      ips: (pod.status.podIPs ?? []).map(({ ip }) => ip),
    }));
}

/** The nodes that have an Event for that reason. */
function eventsOf(lab: Kubelab, reason: string): string[] {
  const { items } = JSON.parse(
    lab.kubectl('-n', 'default', 'get', 'events', '--field-selector', `reason=${reason}`, '-o', 'json'),
  ) as { items: { involvedObject: { kind: string; name: string } }[] };
  return items
    .filter(({ involvedObject }) => involvedObject.kind === 'Node')
    .map(({ involvedObject }) => involvedObject.name);
}

/** Host ends of pods and reservation files that are still on a node. */
function leftovers(lab: Kubelab, node: string): string[] {
  const links = JSON.parse(lab.exec(node, 'ip', '-j', 'link', 'show', 'type', 'veth').stdout || '[]') as {
    ifname: string;
    master?: string;
  }[];
  const files = lab.exec(node, 'find', '/run/cnikit/ipam', '-type', 'f').stdout.split('\n').filter(Boolean);
  return [
    ...links.filter((link) => link.master === 'cni0').map((link) => link.ifname),
    ...files.filter((file) => /\/[0-9a-f]+[.:][0-9a-f.:]+$/.test(file)),
  ];
}

function tail(lab: Kubelab, node: string): string {
  return readFileSync(lab.log(node, 'cnikit-agent'), 'utf8').split('\n').slice(-20).join('\n');
}

interface ClusterEntry {
  server: string;
  'certificate-authority-data': string;
}

/** Where the API server is, and whom to trust for it. */
function clusterOf(lab: Kubelab): ClusterEntry {
  const view = JSON.parse(lab.kubectl('config', 'view', '--raw', '--flatten', '-o', 'json')) as {
    clusters: { cluster: ClusterEntry }[];
  };
  const entry = view.clusters[0]?.cluster;
  if (entry === undefined) throw new Error("The administrator's kubeconfig names no cluster");
  return entry;
}
