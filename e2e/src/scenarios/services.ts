import { type Cluster, ipVersion, nodeAddress, nodeAddresses, nodeNames } from '../cluster.ts';
import { onNode, type Scenario } from '../context.ts';
import { get, inNamespace, PORT, type Pod, type PodPlan, startPods } from '../pods.ts';
import { waitFor } from '../wait.ts';

interface Service {
  spec: { clusterIP: string; clusterIPs?: string[]; ports: { nodePort: number }[] };
}

const WEB = { app: 'web' };

/** Creates a Service in front of the pods with the label app=web and returns it. */
export function createService(
  cluster: Cluster,
  namespace: string,
  name: string,
  spec: object = {},
): Service['spec'] {
  const ports = [{ port: 80, targetPort: PORT }];
  cluster.apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { selector: WEB, ports, ...spec },
    }),
  );
  return (JSON.parse(cluster.kubectl('-n', namespace, 'get', 'service', name, '-o', 'json')) as Service).spec;
}

/** A web server on every node. */
function webServers(cluster: Cluster): PodPlan[] {
  return nodeNames(cluster).map((node) => ({ name: `web-${node}`, node, labels: WEB }));
}

const client = (node: string | undefined): PodPlan => ({ name: 'client', node, labels: { app: 'client' } });

/** Sends requests until `count` different pods have answered; returns their names. */
async function answers(
  cluster: Cluster,
  from: Pod,
  host: string,
  port: number,
  count: number,
): Promise<string[]> {
  const seen = new Set<string>();
  let lastError = '';
  return await waitFor(
    `${count} pods to answer at ${host}:${port}`,
    () => {
      try {
        seen.add(get(cluster, from, host, port));
      } catch (error) {
        lastError = String(error);
      }
      return seen.size >= count ? [...seen].sort() : undefined;
    },
    () => lastError,
  );
}

export const services: Scenario = {
  title: 'a Service answers on its ClusterIPs and on its NodePort of every node, also in pods of that node',
  needs: ['service proxy'],
  dependsOnProxy: true,
  async run({ cluster }) {
    return await inNamespace(cluster, 'e2e-services', async (namespace) => {
      const nodes = nodeNames(cluster);
      const [first] = await startPods(cluster, [client(nodes[0]), ...webServers(cluster)], namespace);
      const dual = cluster.minor >= 23 ? { ipFamilyPolicy: 'PreferDualStack' } : {};
      const service = createService(cluster, namespace, 'web', { type: 'NodePort', ...dual });
      const clusterIPs = service.clusterIPs ?? [service.clusterIP];
      for (const ip of clusterIPs) {
        await answers(cluster, first!, ip, 80, nodes.length);
      }
      for (const node of nodes) {
        await answers(cluster, first!, nodeAddress(cluster, node), service.ports[0]!.nodePort, 1);
      }
      return `${clusterIPs.join(' and ')}, NodePort on ${nodes.length} nodes`;
    });
  },
};

export const hairpin: Scenario = {
  title: 'a pod reaches itself through its own Service',
  needs: ['service proxy'],
  dependsOnProxy: true,
  async run({ cluster }) {
    return await inNamespace(cluster, 'e2e-hairpin', async (namespace) => {
      const [node] = nodeNames(cluster);
      const [pod] = await startPods(cluster, [{ name: 'self', node, labels: WEB }], namespace);
      const { clusterIP } = createService(cluster, namespace, 'self');
      return (await answers(cluster, pod!, clusterIP, 80, 1)).join();
    });
  },
};

export const sessionAffinity: Scenario = {
  title: 'a Service with session affinity sends all connections of a client to one pod',
  needs: ['service proxy'],
  dependsOnProxy: true,
  async run({ cluster }) {
    return await inNamespace(cluster, 'e2e-affinity', async (namespace) => {
      const [node] = nodeNames(cluster);
      const [from] = await startPods(cluster, [client(node), ...webServers(cluster)], namespace);
      const { clusterIP } = createService(cluster, namespace, 'sticky', { sessionAffinity: 'ClientIP' });
      await answers(cluster, from!, clusterIP, 80, 1);
      const seen = new Set(Array.from({ length: 10 }, () => get(cluster, from!, clusterIP, 80)));
      if (seen.size !== 1) {
        throw new Error(`10 connections reached ${[...seen].join(' and ')}`);
      }
      return `10 connections to ${[...seen].join()}`;
    });
  },
};

/** Returns how a TCP connection from a node or a pod ends; nc prints the reason to stderr. */
function connectionResult(run: () => string): string {
  try {
    run();
    return 'connected';
  } catch (error) {
    const message = String(error);
    return /refused/i.test(message) ? 'refused' : /timed out|rc 124/i.test(message) ? 'timed out' : message;
  }
}

export const noEndpoints: Scenario = {
  title: 'a Service without endpoints refuses connections from a node at once',
  needs: ['service proxy', 'machines'],
  dependsOnProxy: true,
  async run(context) {
    const { cluster } = context;
    return await inNamespace(cluster, 'e2e-no-endpoints-node', async (namespace) => {
      const [node = ''] = nodeNames(cluster);
      const { clusterIP } = createService(cluster, namespace, 'empty');
      const attempt = () =>
        connectionResult(() =>
          onNode(
            context,
            node,
            'bash',
            '-c',
            'timeout 5 bash -c "< /dev/tcp/$0/80"; rc=$?; echo "rc $rc" >&2; exit $rc',
            clusterIP,
          ),
        );
      await refusedFrom(`node ${node}`, attempt);
      return undefined;
    });
  },
};

export const noEndpointsFromPod: Scenario = {
  title: 'a Service without endpoints refuses connections from a pod at once',
  needs: ['service proxy'],
  dependsOnProxy: true,
  async run({ cluster }) {
    return await inNamespace(cluster, 'e2e-no-endpoints-pod', async (namespace) => {
      const [node] = nodeNames(cluster);
      const [from] = await startPods(cluster, [client(node)], namespace);
      const { clusterIP } = createService(cluster, namespace, 'empty');
      const script = 'nc -w 5 "$0" 80 < /dev/null';
      const { kubectl } = cluster;
      await refusedFrom('a pod', () =>
        connectionResult(() =>
          kubectl('-n', namespace, 'exec', from!.name, '--', 'sh', '-c', script, clusterIP),
        ),
      );
      return undefined;
    });
  },
};

/** Repeats a connection attempt until it is refused, as kube-proxy needs a moment for its rules. */
async function refusedFrom(where: string, attempt: () => string): Promise<void> {
  const results: string[] = [];
  await waitFor(
    `a refused connection from ${where}`,
    () => {
      results.push(attempt());
      return results.at(-1) === 'refused' ? true : undefined;
    },
    () => results.join(', '),
  );
}

export const localTrafficPolicy: Scenario = {
  title: 'a NodePort with externalTrafficPolicy Local answers only on the node of its pod',
  needs: ['service proxy', 'machines'],
  dependsOnProxy: true,
  async run(context) {
    const { cluster } = context;
    return await inNamespace(cluster, 'e2e-local-policy', async (namespace) => {
      const [node = '', other = ''] = nodeNames(cluster);
      await startPods(cluster, [{ name: 'web', node, labels: WEB }], namespace);
      const { ports } = createService(cluster, namespace, 'local', {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
      });
      // The control plane's machine is outside of the cluster network: its traffic is external.
      const reaches = (to: string): boolean =>
        context.cluster.machines!.exec(
          'cp',
          'timeout',
          '5',
          'bash',
          '-c',
          `< /dev/tcp/${nodeAddress(cluster, to)}/${ports[0]!.nodePort}`,
        ).status === 0;
      await waitFor(`the NodePort on ${node}`, () => (reaches(node) ? true : undefined));
      if (reaches(other)) {
        throw new Error(`The NodePort also answers on ${other}, which has no endpoint`);
      }
      return `answers on ${node}, not on ${other}`;
    });
  },
};

export const headless: Scenario = {
  title: 'cluster DNS resolves a Service to its ClusterIPs and a headless Service to its pods',
  needs: ['service proxy', 'cluster DNS'],
  dependsOnProxy: true,
  async run({ cluster }) {
    return await inNamespace(cluster, 'e2e-dns', async (namespace) => {
      const [node] = nodeNames(cluster);
      const [from, ...servers] = await startPods(cluster, [client(node), ...webServers(cluster)], namespace);
      const { clusterIP } = createService(cluster, namespace, 'web');
      createService(cluster, namespace, 'headless', { clusterIP: 'None' });
      const resolves = (name: string, expected: readonly string[]) => {
        let output = '';
        return waitFor(
          `${name} to resolve to ${expected.join(' and ')}`,
          () => {
            try {
              output = cluster.kubectl(
                ...[
                  '-n',
                  namespace,
                  'exec',
                  from!.name,
                  '--',
                  'nslookup',
                  ipVersion(cluster) === 4 ? '-type=a' : '-type=aaaa',
                  `${name}.${namespace}.svc.cluster.local`,
                ],
              );
            } catch (error) {
              output = String(error);
            }
            return expected.every((ip) => output.includes(`Address: ${ip}`)) ? true : undefined;
          },
          () => output,
        );
      };
      const ips = servers.map((pod) => pod.ips[0] as string);
      await resolves('web', [clusterIP]);
      await resolves('headless', ips);
      return `web: ${clusterIP}, headless: ${ips.join(' and ')}`;
    });
  },
};

export const sourceRanges: Scenario = {
  title: 'loadBalancerSourceRanges admit only the listed clients to a load balancer address',
  needs: ['service proxy', 'machines', 'status patches'],
  dependsOnProxy: true,
  async run(context) {
    const { cluster } = context;
    return await inNamespace(cluster, 'e2e-ranges', async (namespace) => {
      const [node = ''] = nodeNames(cluster);
      await startPods(cluster, [{ name: 'web', node, labels: WEB }], namespace);
      const v4 = ipVersion(cluster) === 4;
      const address = v4 ? '192.0.2.80' : '2001:db8::80';
      const service = (ranges: string[]): void => {
        createService(cluster, namespace, 'lb', { type: 'LoadBalancer', loadBalancerSourceRanges: ranges });
        cluster.kubectl(
          ...['-n', namespace, 'patch', 'service', 'lb', '--subresource=status', '-p'],
          JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: address }] } } }),
        );
      };
      // No load balancer exists here: the machine outside of the cluster routes its address to a node.
      onNode(context, 'cp', 'ip', 'route', 'replace', address, 'via', nodeAddress(cluster, node));
      const reaches = (): boolean =>
        cluster.machines!.exec('cp', 'timeout', '5', 'bash', '-c', `< /dev/tcp/${address}/80`).status === 0;
      service([v4 ? '172.30.0.0/24' : 'fd00:172:30::/64']);
      await waitFor('the listed client to connect', () => (reaches() ? true : undefined));
      service([v4 ? '198.51.100.0/24' : '2001:db8:1::/64']);
      await waitFor('the client to be dropped', () => (reaches() ? undefined : true));
      onNode(context, 'cp', 'ip', 'route', 'del', address);
      return `${[...nodeAddresses(cluster).keys()].length} nodes`;
    });
  },
};
