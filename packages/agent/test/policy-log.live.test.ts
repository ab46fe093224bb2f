/** Packets that policies deny, from the rule to the line of the log. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { monitorLog } from '@cnikit/netlink/nflog';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LivePod } from '../../policy/test/pods.ts';
import { addressesOf, objectsOf } from '../../policy/test/upstream.ts';
import { Metrics } from '../src/core/metrics.ts';
import { FOREIGN_SOURCE_GROUPS } from '../src/core/names.ts';
import type { Problem } from '../src/core/problem.ts';
import { after } from '../src/core/timers.ts';
import type { LocalPod } from '../src/policy/local-pods.ts';
import type { DenialLog } from '../src/policy/rules.ts';
import { type Policies, startPolicies } from '../src/policy/start.ts';
import { eventually } from './live-node.ts';

const PROGRAM = fileURLToPath(new URL('streams.ts', import.meta.url));
const RBAC = fileURLToPath(new URL('../../../deploy/overlays/network-policy/rbac.yaml', import.meta.url));
const GROUP = 77;
const listed = () => execFileSync('nft', ['list', 'table', 'inet', 'cnikit-policy'], { encoding: 'utf8' });

const POLICY = {
  kind: 'NetworkPolicy',
  metadata: { namespace: 'x', name: 'closed' },
  spec: { podSelector: { matchLabels: { pod: 'a' } }, policyTypes: ['Ingress'] },
};

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('denied packets on a full kernel', () => {
  let server: LivePod;
  let client: LivePod;
  let api: ApiServer;
  let policies: Policies | undefined;
  let lines: object[];
  let problems: readonly Problem[];

  beforeAll(async () => {
    execFileSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    server = new LivePod('x/a', 0, PROGRAM);
    client = new LivePod('x/b', 1, PROGRAM);
    await Promise.all([server.ready(), client.ready()]);
  });
  afterAll(() => {
    client.stop();
    server.stop();
  });
  beforeEach(async () => {
    api = await startApiServer({ rbacFile: RBAC });
    const resources: Readonly<Record<string, string>> = { Pod: 'pods', Namespace: 'namespaces' };
    for (const object of [...objectsOf({ title: '', policies: [], denies: () => false }), POLICY]) {
      const { kind } = object as { kind: string };
      api.resource(resources[kind] ?? 'networkpolicies.networking.k8s.io').put(object as never);
    }
  });
  afterEach(async () => {
    policies?.close();
    await policies?.ended;
    policies = undefined;
    await api.close();
    execFileSync('nft', ['flush', 'ruleset']);
  });

  async function start(log: DenialLog | undefined): Promise<void> {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(api.kubeconfig());
    [lines, problems] = [[], []];
    const started = startPolicies(kubeConfig, 'n1', {
      contest: { delayMs: 0, repaired: () => undefined },
      rules: { log },
      report: (all) => {
        problems = all;
      },
      log: {
        warn: () => undefined,
        info: (fields, message) => void lines.push({ ...fields, ...{ message } }),
      },
      metrics: new Metrics(),
      after,
    });
    policies = started;
    started.setPodCIDRs(['10.0.0.0/24', 'fd00::/120']);
    await eventually(() => expect(started.programmed).toBe(true));
  }
  const claim = (pod: LocalPod) => policies!.localPods.claim(pod);
  const fire = (family: 'ipv4' | 'ipv6', ...ports: number[]) =>
    client.command({ fire: { address: addressesOf('x/a')[family], ports } });

  test('a denied packet of each family becomes one line with pods, port, direction and policy', async () => {
    await start({ group: GROUP, rate: 100 });
    await fire('ipv4', 81);
    await fire('ipv6', 82);
    await fire('ipv4', 83);
    await eventually(() => expect(lines).toHaveLength(3));
    const line = (family: 'ipv4' | 'ipv6', port: number) => {
      const [source, destination] = [addressesOf('x/b')[family], addressesOf('x/a')[family]];
      return {
        denied: 'ingress',
        protocol: 'UDP',
        source,
        sourcePod: 'x/b',
        destination,
        destinationPod: 'x/a',
        port,
        policies: ['x/closed'],
        message: `Denied UDP from x/b (${source}) to x/a (${destination}) port ${port}: no rule for ingress of x/a in x/closed`,
      };
    };
    expect(lines).toEqual([line('ipv4', 81), line('ipv6', 82), line('ipv4', 83)]);
    expect(problems).toEqual([]);
  });

  test('a denied packet from another source address names the pod that sent it', async () => {
    const mute = { podSelector: { matchLabels: { pod: 'b' } }, policyTypes: ['Egress'] };
    const policies = api.resource('networkpolicies.networking.k8s.io');
    policies.put({ kind: 'NetworkPolicy', metadata: { namespace: 'x', name: 'mute' }, spec: mute } as never);
    await start({ group: GROUP, rate: 100 });
    const addresses = Object.values(addressesOf('x/b'));
    const foreignEnds = ['pod1'];
    await claim({ namespace: 'x', name: 'b', containerId: 'b', addresses, foreignEnds });
    execFileSync('ip', ['link', 'set', 'pod1', 'group', String(FOREIGN_SOURCE_GROUPS)]);
    client.run('ip', 'address', 'add', '10.8.0.7/32', 'dev', 'eth0');
    const route = ['via', '169.254.1.1', 'dev', 'eth0', 'onlink'];
    client.run('ip', 'route', 'replace', 'default', ...route, 'src', '10.8.0.7');
    try {
      await fire('ipv4', 81);
      await eventually(() => expect(lines).toHaveLength(1));
    } finally {
      client.run('ip', 'address', 'del', '10.8.0.7/32', 'dev', 'eth0');
      client.run('ip', 'route', 'replace', 'default', ...route);
      execFileSync('ip', ['link', 'set', 'pod1', 'group', 'default']);
    }
    const expected = { denied: 'egress', source: '10.8.0.7', sourcePod: 'x/b', policies: ['x/mute'] };
    expect(lines).toMatchObject([expected]);
  });

  test('lines stay within the rate, and all packets are dropped', async () => {
    await start({ group: GROUP, rate: 2 });
    const began = performance.now();
    await fire('ipv4', ...new Array<number>(200).fill(80));
    await eventually(() => expect(lines.length).toBeGreaterThan(0));
    const seconds = (performance.now() - began) / 1000;
    // At first the rule has the packets of one second in store.
    expect(lines.length).toBeLessThanOrEqual(2 + 2 * (seconds + 1));
    expect(await server.command({ take: true })).toMatchObject({ arrived: [] });
  });

  test('no rule logs without the option, and a group in use is a problem that leaves policies in force', async () => {
    await start(undefined);
    expect(listed()).not.toMatch(/\blog\b|denied/);
    policies?.close();
    await policies?.ended;
    using _ = {
      [Symbol.dispose]: (
        (other) => () =>
          other.close()
      )(monitorLog({ group: GROUP })),
    };
    await start({ group: GROUP, rate: 2 });
    expect(problems).toMatchObject([{ kind: 'policy-log', severity: 'warning' }]);
    expect(listed()).not.toMatch(/\blog\b/);
    expect(listed()).toContain('ingress/x/closed');
  });
});
