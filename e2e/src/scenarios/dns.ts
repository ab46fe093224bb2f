import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ipVersion, nodeNames } from '../cluster.ts';
import type { Scenario } from '../context.ts';
import { inPod, runningPods } from '../pods.ts';
import { waitFor } from '../wait.ts';

export const clusterDns: Scenario = {
  title: 'CoreDNS starts, and a pod of every node resolves the name of the API server',
  needs: ['machines', 'service proxy', 'cluster DNS'],
  dependsOnProxy: true,
  async run({ cluster, repository }) {
    const version = ipVersion(cluster);
    const manifest = readFileSync(join(repository, 'e2e/kubernetes/coredns.yaml'), 'utf8');
    cluster.apply(version === 4 ? manifest : manifest.replaceAll('10.96.0.10', '"fd00:10:96::a"'));
    cluster.kubectl('-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=240s');
    const name = 'kubernetes.default.svc.cluster.local';
    const pods = nodeNames(cluster).flatMap(
      (node) => runningPods(cluster).find((pod) => pod.node === node) ?? [],
    );
    for (const pod of pods) {
      let output = '';
      await waitFor(
        `${pod.name} to resolve ${name}`,
        () => {
          try {
            output = inPod(cluster, pod, `nslookup -type=${version === 4 ? 'a' : 'aaaa'} ${name}`);
          } catch (error) {
            output = String(error);
          }
          return output.includes(`Address: ${version === 4 ? '10.96.0.1' : 'fd00:10:96::1'}\n`)
            ? true
            : undefined;
        },
        () => output,
      );
    }
    return pods.map((pod) => pod.name).join(', ');
  },
};
