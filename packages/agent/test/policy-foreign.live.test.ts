/** Policies of pods that send from other source addresses, between pods in namespaces of the sandbox. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openNftables } from '@cnikit/netlink/nftables';
import type { NetworkPolicy } from '@cnikit/policy';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addressesOf, objectsOf } from '../../policy/test/upstream.ts';
import { Metrics } from '../src/core/metrics.ts';
import { FOREIGN_SOURCE_GROUPS, POD_GROUPS } from '../src/core/names.ts';
import { after } from '../src/core/timers.ts';
import { COLLECTIONS, Enforcer } from '../src/policy/enforcer.ts';
import { readPolicy } from '../src/policy/invalid-policy.ts';
import { podReader } from '../src/policy/objects.ts';
import { PolicyTable } from '../src/policy/policy-table.ts';
import { kernelTracking } from '../src/policy/tracking.ts';
import { eventually } from './live-node.ts';

const run = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: 'utf8' });
/** The pod that may send from other addresses, and two servers. */
const GATEWAY = 'x/b';
const PODS = { 'x/a': POD_GROUPS, [GATEWAY]: FOREIGN_SOURCE_GROUPS, 'x/c': POD_GROUPS } as const;
type PodName = keyof typeof PODS;
const FOREIGN = { ipv4: '10.8.0.7', ipv6: 'fd08::7' } as const;
const NODE = { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;

const netns = (pod: string) => pod.replace('/', '-');
const linkOf = (pod: string) => `veth-${netns(pod)}`;

function startPod(pod: PodName): void {
  const [name, link] = [netns(pod), linkOf(pod)];
  const { ipv4, ipv6 } = addressesOf(pod);
  const inside = (...argv: string[]) => run('ip', '-n', name, ...argv);
  run('ip', 'netns', 'add', name);
  run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  run('sysctl', '-qw', `net.ipv6.conf.${link}.accept_dad=0`, `net.ipv4.conf.${link}.rp_filter=0`);
  run('ip', 'link', 'set', link, 'up', 'group', String(PODS[pod]));
  run('ip', 'address', 'add', '169.254.1.1/32', 'dev', link);
  run('ip', '-6', 'address', 'add', 'fe80::1/64', 'dev', link, 'nodad');
  run('ip', 'netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0');
  inside('link', 'set', 'eth0', 'up');
  const addresses = pod === GATEWAY ? [ipv4, ipv6, FOREIGN.ipv4, FOREIGN.ipv6] : [ipv4, ipv6];
  for (const address of addresses) {
    inside('address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
    run('ip', 'route', 'add', address, 'dev', link);
  }
  inside('route', 'add', 'default', 'via', '169.254.1.1', 'dev', 'eth0', 'onlink');
  inside('-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'eth0');
}

/** Pings from an address of the gateway: until there is an answer if one should come. */
const reaches = async (source: string, to: string, should: boolean): Promise<boolean> => {
  const patience = should ? ['-w', '30'] : ['-W', '1'];
  const argv = ['netns', 'exec', netns(GATEWAY), 'ping', '-c', '1', ...patience, '-I', source, to];
  const [status] = await once(spawn('ip', argv, { stdio: 'ignore' }), 'exit');
  return status === 0;
};

const egress = (...to: NonNullable<NetworkPolicy['spec']['egress']>): NetworkPolicy['spec'] => ({
  podSelector: { matchLabels: { pod: 'b' } },
  policyTypes: ['Egress'],
  egress: to,
});
const TO_A = egress({ to: [{ podSelector: { matchLabels: { pod: 'a' } } }] });

interface Reach {
  foreign: boolean;
  own: boolean;
}

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('policies of foreign source addresses', () => {
  const connection = openNftables();
  let enforcer: Enforcer;

  beforeAll(() => {
    run(
      'sysctl',
      '-qw',
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
      'net.ipv4.conf.all.rp_filter=0',
    );
    run('ip', 'link', 'set', 'lo', 'up');
    for (const address of Object.values(NODE)) {
      run('ip', 'address', 'add', address, 'dev', 'lo');
    }
    for (const pod of Object.keys(PODS) as PodName[]) {
      startPod(pod);
    }
  });
  afterAll(() => {
    connection.close();
    for (const pod of Object.keys(PODS)) {
      run('ip', 'netns', 'del', netns(pod));
    }
    for (const address of Object.values(NODE)) {
      run('ip', 'address', 'del', `${address}/${address.includes(':') ? 128 : 32}`, 'dev', 'lo');
    }
  });
  beforeEach(async () => {
    enforcer = new Enforcer('n1', {
      table: new PolicyTable(connection),
      tracking: kernelTracking,
      contest: { delayMs: 0, repaired: () => undefined },
      report: (problems) => expect(problems).toEqual([]),
      metrics: new Metrics(),
      log: { warn: (_, message) => expect.fail(message), info: () => undefined },
      after,
    });
    const read = podReader();
    for (const object of objectsOf({ title: '', policies: [], denies: () => false })) {
      const { kind, metadata } = object as { kind: string; metadata: { namespace: string; name: string } };
      if (kind === 'Pod') {
        enforcer.putPod(`${metadata.namespace}/${metadata.name}`, read(object));
      }
    }
    for (const collection of COLLECTIONS) {
      enforcer.synced(collection);
    }
    enforcer.setPodCIDRs(['10.0.0.0/24', 'fd00::/120']);
    await eventually(() => expect(enforcer.programmed).toBe(true));
  });
  afterEach(() => {
    enforcer.verify();
    enforcer.close();
    run('nft', 'flush', 'ruleset');
    spawnSync('conntrack', ['-F']);
  });

  const claim = (foreignEnds: readonly string[] | undefined, containerId = 'b') => {
    const [namespace, name] = GATEWAY.split('/') as [string, string];
    const addresses = Object.values(addressesOf(GATEWAY));
    return enforcer.claim({ namespace, name, containerId, addresses, foreignEnds });
  };
  const listed = () => claim([linkOf(GATEWAY)]);
  /** Programs a policy; undefined: removes it. */
  const put = async (spec: NetworkPolicy['spec'] | undefined) => {
    const object = { metadata: { namespace: 'x', name: 'p' }, spec: spec ?? egress() };
    enforcer.putPolicy('x/p', readPolicy(object), spec !== undefined);
    // Resolves once the change before it is in the kernel.
    await enforcer.release('none');
    enforcer.verify();
    spawnSync('conntrack', ['-F']);
  };
  /** Expects the gateway to reach something from other addresses and from its own, or not, in both families. */
  const expectReach = async (to: (family: (typeof FAMILIES)[number]) => string, wanted: Reach) => {
    const from = (source: Readonly<Record<(typeof FAMILIES)[number], string>>, should: boolean) =>
      Promise.all(FAMILIES.map((family) => reaches(source[family], to(family), should)));
    const [foreign, own] = await Promise.all([
      from(FOREIGN, wanted.foreign),
      from(addressesOf(GATEWAY), wanted.own),
    ]);
    expect({ foreign, own }).toEqual({
      foreign: FAMILIES.map(() => wanted.foreign),
      own: FAMILIES.map(() => wanted.own),
    });
  };
  const pod = (name: string) => (family: (typeof FAMILIES)[number]) => addressesOf(name)[family];
  const node = (family: (typeof FAMILIES)[number]) => NODE[family];
  const ALL: Reach = { foreign: true, own: true };
  const OWN: Reach = { foreign: false, own: true };
  const NONE: Reach = { foreign: false, own: false };

  test('packets from other addresses of a pod that no policy isolates pass', async () => {
    await listed();
    await Promise.all([expectReach(pod('x/a'), ALL), expectReach(node, ALL)]);
  });

  test('packets from other addresses meet the policies of the pod, to pods and to the node', async () => {
    await listed();
    await put(egress());
    await Promise.all([expectReach(pod('x/a'), NONE), expectReach(node, NONE)]);
    await put(TO_A);
    await Promise.all([expectReach(pod('x/a'), ALL), expectReach(pod('x/c'), NONE), expectReach(node, NONE)]);
    await put(undefined);
    await Promise.all([expectReach(pod('x/a'), ALL), expectReach(pod('x/c'), ALL)]);
  });

  test('packets from other addresses meet policies that were there before the pod was known', async () => {
    await put(TO_A);
    await expectReach(pod('x/a'), OWN);
    await listed();
    await Promise.all([expectReach(pod('x/a'), ALL), expectReach(pod('x/c'), NONE)]);
  });

  test('packets from other addresses are dropped when the namespace of the pod is not listed any more', async () => {
    await claim(undefined);
    await expectReach(pod('x/a'), OWN);
    await listed();
    await expectReach(pod('x/a'), ALL);
    await claim(undefined);
    await expectReach(pod('x/a'), OWN);
  });

  test('a pod that has ended leaves no host end in the table, also after a rebuild', async () => {
    await listed();
    await put(TO_A);
    const list = () => run('nft', 'list', 'map', 'inet', 'cnikit-policy', 'egress-link');
    expect(list()).toContain(`"${linkOf(GATEWAY)}" : goto `);
    run('nft', 'flush', 'map', 'inet', 'cnikit-policy', 'egress-ipv4');
    const before = list();
    enforcer.setPodCIDRs(['10.0.0.0/24', 'fd00::/120', '10.9.0.0/24']);
    await eventually(() => expect(list()).not.toBe(before));
    await expectReach(pod('x/a'), ALL);
    await enforcer.release('b');
    expect(list()).not.toContain('veth');
  });

  test('packets from other addresses meet the policies of the pod before ipvs takes them to a Service', async () => {
    enforcer.setIpvs(true);
    await listed();
    await put(egress());
    expect(run('nft', 'list', 'chain', 'inet', 'cnikit-policy', 'ipvs-foreign')).toContain(
      'hook input priority 98',
    );
    run('nft', 'flush', 'chain', 'inet', 'cnikit-policy', 'to-node');
    // The chain leaves the pod’s own addresses to the chain behind ipvs, which is empty now.
    await expectReach(node, OWN);
    enforcer.setIpvs(false);
    enforcer.setPodCIDRs(['10.0.0.0/24', 'fd00::/120', '10.9.0.0/24']);
    await put(egress());
    await expectReach(node, NONE);
  });

  test('nft -f loads a saved listing of the table with a host end', async () => {
    await listed();
    const saved = run('nft', 'list', 'table', 'inet', 'cnikit-policy');
    run('nft', 'flush', 'ruleset');
    execFileSync('nft', ['-f', '-'], { input: saved });
    expect(run('nft', 'list', 'table', 'inet', 'cnikit-policy')).toBe(saved);
  });
});
