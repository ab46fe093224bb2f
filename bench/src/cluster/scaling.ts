/** Scales a Deployment on the node up and down, and times it. */
import { setTimeout as pause } from 'node:timers/promises';
import { items } from '../../../e2e/src/cluster.ts';
import type { Kubelab } from '../../../e2e/src/kubelab.ts';
import { podTemplate } from '../../../e2e/src/pods.ts';

export interface Scaling {
  /** Seconds until the first pod, half of the pods and all pods were Ready, and until all were gone again. */
  first: number;
  half: number;
  all: number;
  gone: number;
}

const NAME = 'scaled';
const LABELS = { app: NAME };
const INTERVAL_MS = 200;
const LIMIT_MS = 600_000;

/** Creates the Deployment, without pods. */
export function createDeployment(lab: Kubelab): void {
  lab.apply(
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME },
      spec: {
        replicas: 0,
        selector: { matchLabels: LABELS },
        template: podTemplate(lab, { labels: LABELS, command: ['sleep', '36000'] }),
      },
    }),
  );
}

/** @throws {Error} when the pods are not Ready, or not gone, within ten minutes */
export async function scale(lab: Kubelab, count: number): Promise<Scaling> {
  const ready = () =>
    Number(lab.kubectl('get', 'deployment', NAME, '-o', 'jsonpath={.status.readyReplicas}') || '0');
  const up = stopwatch();
  lab.kubectl('scale', 'deployment', NAME, `--replicas=${count}`);
  const first = await up(() => ready() >= 1);
  const half = await up(() => ready() >= count / 2);
  const all = await up(() => ready() >= count);
  const down = stopwatch();
  lab.kubectl('scale', 'deployment', NAME, '--replicas=0');
  const gone = await down(() => items(lab, 'pods', '-l', `app=${NAME}`).length === 0);
  return { first, half, all, gone };
}

/** Returns a function that waits for a condition and returns the seconds since the call of stopwatch(). */
function stopwatch(): (condition: () => boolean) => Promise<number> {
  const started = performance.now();
  return async (condition) => {
    while (!condition()) {
      if (performance.now() - started > LIMIT_MS) {
        throw new Error(`The pods needed more than ${LIMIT_MS / 1000} s`);
      }
      await pause(INTERVAL_MS);
    }
    return (performance.now() - started) / 1000;
  };
}
