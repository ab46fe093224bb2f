/** NetworkPolicies from the API to packets: pods in namespaces of the sandbox, and an API server. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ANSWER_ALL, LivePod } from '../../policy/test/pods.ts';
import {
  addressesOf,
  objectsOf,
  PODS,
  type Question,
  UPSTREAM,
  type UpstreamCase,
} from '../../policy/test/upstream.ts';
import { Metrics } from '../src/core/metrics.ts';
import type { Problem } from '../src/core/problem.ts';
import { after } from '../src/core/timers.ts';
import type { LocalPod } from '../src/policy/local-pods.ts';
import { type Policies, startPolicies } from '../src/policy/start.ts';

const nft = (...args: string[]) => execFileSync('nft', args, { encoding: 'utf8' });

/**
 * Copies the table of the kernel with answers in place of silence, at a hook before it, so that no probe waits. A packet
 * meets the same rules twice.
 */
function answer(): void {
  const copy = nft('list', 'table', 'inet', 'cnikit-policy')
    .replace('table inet cnikit-policy', 'table inet answers')
    .replaceAll(
      /hook (\w+) priority filter( \+ 1)?;/g,
      (_, hook, more) => `hook ${hook} priority ${more ? -9 : -10};`,
    )
    .replaceAll(
      /^(.*)\bdrop$/gm,
      '$1meta l4proto tcp reject with tcp reset\n$1reject with icmpx admin-prohibited',
    );
  execFileSync('nft', ['-f', '-'], { input: `table inet answers\ndelete table inet answers\n${copy}` });
}

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('NetworkPolicies on a full kernel', () => {
  let live: LivePod[] = [];
  let api: ApiServer;
  let policies: Policies | undefined;
  let problems: readonly Problem[] = [];
  let metrics: Metrics;

  beforeAll(async () => {
    execFileSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', ...ANSWER_ALL]);
    live = PODS.map((name, index) => new LivePod(name, index));
    await Promise.all(live.map((pod) => pod.ready()));
  });
  afterAll(() => {
    for (const pod of live) {
      pod.stop();
    }
  });
  beforeEach(async () => {
    api = await startApiServer({ rbacFile: RBAC });
    put(...objectsOf(NOTHING));
  });
  afterEach(async () => {
    policies?.close();
    await policies?.ended;
    policies = undefined;
    await api.close();
    nft('flush', 'ruleset');
  });

  const put = (...objects: unknown[]) => {
    for (const object of objects as { kind: string }[]) {
      api.resource(RESOURCES[object.kind]!).put(object as never);
    }
  };
  const start = async (): Promise<Policies> => {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(api.kubeconfig());
    metrics = new Metrics();
    const started = startPolicies(kubeConfig, 'n1', {
      contest: { delayMs: 0, repaired: () => undefined },
      report: (all) => {
        problems = all;
      },
      log: { warn: () => undefined, info: () => undefined },
      metrics,
      after,
    });
    policies = started;
    started.setPodCIDRs(['10.0.0.0/24', 'fd00::/120']);
    await eventually(() => expect(started.programmed).toBe(true));
    return started;
  };
  const stop = async () => {
    policies?.close();
    await policies?.ended;
    policies = undefined;
  };

  /** Returns `FROM to TO` of the pods that reach another one, by the addresses of a family. */
  const reached = async (family: 'ipv4' | 'ipv6', pairs: readonly string[]): Promise<string[]> => {
    answer();
    const questions = pairs.map((pair) => pair.split(' to ') as [string, string]);
    const answers = await Promise.all(
      live.map(async (pod) => {
        const own = questions.filter(([from]) => from === pod.name);
        const arrived = await pod.ask(
          own.map(([, to]) => ({ address: addressesOf(to)[family], protocol: 'TCP', port: 80 })),
        );
        return own.filter((_, i) => arrived[i]).map((pair) => pair.join(' to '));
      }),
    );
    return answers.flat().sort();
  };
  const expectReached = (...expected: string[]) =>
    eventually(async () => {
      for (const family of ['ipv4', 'ipv6'] as const) {
        expect(await reached(family, PAIRS)).toEqual(expected);
      }
    });

  test('startPolicies() opens pods without a policy, follows policies and labels, and opens them again', async () => {
    await start();
    await expectReached(...PAIRS);
    put(FROM_X);
    await expectReached('x/a to y/a', 'x/b to x/a');
    put({ kind: 'Namespace', metadata: { name: 'y', labels: { team: 'x' } } });
    await expectReached('x/a to y/a', 'x/b to x/a', 'y/a to x/a');
    const [labelled] = objectsOf({ ...NOTHING, podLabels: { 'x/b': { pod: 'other' } } }).filter(
      (object) => (object as { metadata: { name: string } }).metadata.name === 'b',
    );
    put(labelled);
    await expectReached('x/a to y/a', 'y/a to x/a');
    api.resource(RESOURCES.NetworkPolicy!).delete('from-x', 'x');
    await expectReached(...PAIRS);
    expect(problems).toEqual([]);
    expect(metrics.get('policy_failures')).toBe(0);
    expect(api.requests.filter(({ status }) => status >= 400)).toEqual([]);
  });

  test('startPolicies() isolates by a policy with an unknown field, reports it, and forgets it when it goes', async () => {
    const { metadata, spec } = FROM_X;
    const unknown = { ...FROM_X, spec: { ...spec, ingress: [{ from: [{ serviceSelector: {} }] }] } };
    put(unknown);
    await start();
    await expectReached();
    expect(problems).toMatchObject([
      { kind: 'policy-object', message: expect.stringContaining('serviceSelector') },
    ]);
    put(FROM_X);
    await expectReached('x/a to y/a', 'x/b to x/a');
    expect(problems).toEqual([]);
    put(unknown);
    await eventually(() => expect(problems).toHaveLength(1));
    api.resource(RESOURCES.NetworkPolicy!).delete(metadata.name, metadata.namespace);
    await expectReached(...PAIRS);
    expect(problems).toEqual([]);
  });

  test('startPolicies() leaves the rules at its end, and programs what changed until the next start', async () => {
    put(FROM_X);
    await start();
    await expectReached('x/a to y/a', 'x/b to x/a');
    await stop();
    api.resource(RESOURCES.NetworkPolicy!).delete('from-x', 'x');
    await expectReached('x/a to y/a', 'x/b to x/a');
    await start();
    await expectReached(...PAIRS);
  });

  test('startPolicies() restores a flushed table and rules that another program changed', async () => {
    put(FROM_X);
    await start();
    nft('flush', 'ruleset');
    await eventually(() => expect(nft('list', 'tables')).toContain('cnikit-policy'));
    await expectReached('x/a to y/a', 'x/b to x/a');
    nft('flush', 'chain', 'inet', 'cnikit-policy', 'ingress');
    await expectReached('x/a to y/a', 'x/b to x/a');
    expect(metrics.get('drift_repairs')).toBeGreaterThanOrEqual(2);
  });

  test('claim() waits for the Pod, gives it the reported addresses, and release() closes them', async () => {
    const [pod] = objectsOf(NOTHING).filter(
      (object) => (object as { metadata: { name: string; namespace?: string } }).metadata.namespace === 'y',
    ) as { metadata: object; status: object }[];
    api.resource(RESOURCES.Pod!).delete('a', 'y');
    const { localPods } = await start();
    await expectReached('x/b to x/a');
    const attached: LocalPod = {
      namespace: 'y',
      name: 'a',
      uid: 'uid-1',
      containerId: 'c1',
      addresses: Object.values(addressesOf('y/a')),
    };
    let claimed = false;
    const claim = localPods.claim(attached).then(() => {
      claimed = true;
    });
    await expectReached('x/b to x/a');
    expect(claimed).toBe(false);
    expect(metrics.get('policy_closed_pods')).toBe(1);
    put({ ...pod, metadata: { ...pod!.metadata, uid: 'uid-1' }, status: { phase: 'Pending' } });
    await claim;
    expect(await reached('ipv4', PAIRS)).toEqual(PAIRS);
    expect(metrics.get('policy_closed_pods')).toBe(0);
    put({ ...pod, metadata: { ...pod!.metadata, uid: 'uid-1' } });
    await localPods.release('c1');
    expect(await reached('ipv4', PAIRS)).toEqual(['x/b to x/a']);
    await expectReached('x/b to x/a');
  });

  /** Every sixth case; the soak run of @cnikit/policy asks the kernel all. */
  const tried = UPSTREAM.filter((_, index) => index % 6 === 0);
  test.each(tried.map((one) => [one.title, one] as const))(
    'startPolicies() follows upstream case %s in the kernel',
    async (_, one) => {
      put(...objectsOf(one));
      await start();
      answer();
      expect(await wrong(one)).toEqual([]);
    },
  );

  async function wrong(one: UpstreamCase): Promise<Question[]> {
    const answers = await Promise.all(
      live.map(async (pod) => {
        const own = QUESTIONS.filter(({ from }) => from === pod.name);
        const arrived = await pod.ask(
          own.map(({ to, protocol, port }) => ({
            address: addressesOf(to).ipv4,
            protocol: protocol as 'TCP' | 'UDP',
            port,
          })),
        );
        return own.filter((question, i) => arrived[i] === one.denies(question));
      }),
    );
    return answers.flat();
  }
});

const RBAC = fileURLToPath(new URL('../../../deploy/overlays/network-policy/rbac.yaml', import.meta.url));
const RESOURCES: Readonly<Record<string, string>> = {
  Pod: 'pods',
  Namespace: 'namespaces',
  NetworkPolicy: 'networkpolicies.networking.k8s.io',
};
const NOTHING: UpstreamCase = { title: '', policies: [], denies: () => false };
/** Connections that every test tries. */
const PAIRS = ['x/a to y/a', 'x/b to x/a', 'y/a to x/a'];
const QUESTIONS = PODS.flatMap((from) =>
  PODS.filter((to) => to !== from).flatMap((to) =>
    (['TCP', 'UDP'] as const).flatMap((protocol) =>
      [80, 81].map((port): Question => ({ from, to, protocol, port })),
    ),
  ),
);
const FROM_X = {
  kind: 'NetworkPolicy',
  metadata: { namespace: 'x', name: 'from-x' },
  spec: {
    podSelector: { matchLabels: { pod: 'a' } },
    ingress: [
      {
        from: [
          { podSelector: { matchLabels: { pod: 'b' } } },
          { namespaceSelector: { matchLabels: { team: 'x' } } },
        ],
      },
    ],
  },
};

const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 30_000, interval: 5 });
