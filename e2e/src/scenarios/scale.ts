import { items, lastEvents } from '../cluster.ts';
import type { Scenario } from '../context.ts';
import { inNamespace, podTemplate } from '../pods.ts';
import { waitFor } from '../wait.ts';

const COUNT = 40;
const NAME = 'scaled';

export const scale: Scenario = {
  title: `a Deployment scales from 0 to ${COUNT} pods and back, and no two pods share an address`,
  async run({ cluster }) {
    return await inNamespace(cluster, 'e2e-scale', async (namespace) => {
      const template = podTemplate(cluster, { labels: { app: NAME }, command: ['sleep', '3600'] });
      const scaleTo = (count: number) =>
        cluster.kubectl('-n', namespace, 'scale', 'deployment', NAME, `--replicas=${count}`);
      cluster.apply(
        JSON.stringify({
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: NAME, namespace },
          spec: { replicas: 0, selector: { matchLabels: { app: NAME } }, template },
        }),
      );
      const started = Date.now();
      scaleTo(COUNT);
      const seen: number[] = [];
      await waitFor(
        `${COUNT} pods to have an address`,
        () => {
          const ips = addresses();
          while (seen.length < ips.size) {
            seen.push(Date.now() - started);
          }
          return ips.size === COUNT ? true : undefined;
        },
        () => lastEvents(cluster),
      );
      scaleTo(0);
      await waitFor('all pods to be gone', () =>
        items(cluster, 'pods', '-n', namespace).length === 0 ? true : undefined,
      );
      const at = (i: number) => `${((seen[i] ?? 0) / 1000).toFixed(1)} s`;
      return `first address after ${at(0)}, half after ${at(COUNT / 2 - 1)}, all after ${at(COUNT - 1)}`;

      /** @throws {Error} when two pods have the same address */
      function addresses(): Set<string> {
        const ips = items<{ status: { podIP?: string } }>(cluster, 'pods', '-n', namespace).flatMap(
          ({ status }) => status.podIP ?? [],
        );
        if (new Set(ips).size !== ips.length) {
          throw new Error(`Two pods have the same address: ${ips.sort().join(' ')}`);
        }
        return new Set(ips);
      }
    });
  },
};
