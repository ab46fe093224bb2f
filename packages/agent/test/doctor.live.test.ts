import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { hostVethName } from '@cnikit/plugin';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CniFiles } from '../src/apply/cni-files.ts';
import { openKernel } from '../src/apply/netlink-kernel.ts';
import { createRules } from '../src/apply/rules.ts';
import { openSets } from '../src/apply/sets.ts';
import { parseConfig } from '../src/config/config.ts';
import { Metrics } from '../src/core/metrics.ts';
import { diagnose, exitStatus, type Result } from '../src/diagnose/doctor/diagnose.ts';
import { gather } from '../src/diagnose/doctor/gather.ts';
import { serveHealth } from '../src/http/health.ts';
import { saveState } from '../src/observe/saved-state.ts';
import { ReadinessFile } from '../src/reconcile/readiness.ts';
import { eventually, type LiveNode, liveNode, nodeObject, run, runWithInput } from './live-node.ts';
import { addPod, deletePod, hasPlugin, loseNamespace, plugin } from './pods.ts';

const rbac = fileURLToPath(new URL('../../../deploy/base/rbac.yaml', import.meta.url));
const HEALTH = { host: '127.0.0.1', port: 9470 };

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1' || !hasPlugin)(
  'cnikit-agent doctor on a real kernel (needs the sandbox and the built plugin: run npm test at the root)',
  () => {
    let node: LiveNode;
    let health: Server | undefined;
    const pods: string[] = [];
    /** An API server that replaces the node's. */
    let other: ApiServer | undefined;

    beforeEach(async () => {
      node = await liveNode(1, 2, 3);
      node.pluginBinary = plugin;
      node.pluginLinks = ['loopback'];
      // One namespace at the other end of the cable stands for both other nodes.
      run('ip', 'netns', 'add', 'peers');
      run('ip', 'link', 'set', 'cable', 'netns', 'peers');
      const addresses = [
        ...['2', '3', '254'].map((n) => `192.0.2.${n}/24 dev cable`),
        ...['2', '3', 'fe'].map((n) => `2001:db8::${n}/64 dev cable nodad`),
      ];
      const lines = ['link set cable up', ...addresses.map((address) => `address add ${address}`)];
      runWithInput(['ip', '-n', 'peers', '-batch', '-'], lines.join('\n'));
      health = await serveHealth(HEALTH, {
        readiness: () => ({ ready: true }),
        problems: () => [],
        metrics: new Metrics(),
        status: () => ({ version: 'x', ready: true, problems: [], changed: {} }),
      });
      await runAgent();
      new ReadinessFile(node.stateDir).write({ ready: true });
    });

    async function runAgent(): Promise<void> {
      const running = node.start();
      await eventually(() => expect(running.agent.ready).toBe(true));
      await running.stop();
      saveState(node.stateDir, 'n1', { nodes: running.agent.nodes() });
    }

    afterEach(async () => {
      health?.close();
      for (const id of pods.splice(0)) {
        deletePod(node, id);
      }
      for (const name of ['cni0', 'flannel.1']) {
        quietly('ip', 'link', 'delete', name);
      }
      quietly('ip', 'rule', 'delete', 'lookup', '77');
      run('iptables-legacy', '-F', 'INPUT');
      await other?.close();
      other = undefined;
      await node.close();
      run('ip', 'netns', 'delete', 'peers');
    });

    const inPeers = (...args: string[]): string => run('ip', '-n', 'peers', ...args);
    const pod = (id: string): void => {
      addPod(node, id);
      pods.push(id);
    };

    async function runDoctor(apiTimeoutMs?: number): Promise<Result[]> {
      const config = parseConfig(
        [
          'doctor',
          '--node-name=n1',
          `--kubeconfig=${node.kubeconfig}`,
          `--cni-bin-dir=${node.binDir}`,
          `--cni-conf-dir=${node.confDir}`,
          `--state-dir=${node.stateDir}`,
          ...(node.layout === undefined ? [] : [`--layout=${node.layout}`]),
        ],
        {},
      );
      const kernel = openKernel();
      try {
        const { binDir, confDir, pluginBinary, pluginLinks: links } = node;
        const cni = new CniFiles({ binDir, confDir, pluginBinary, links });
        const sets = openSets();
        return diagnose(
          await gather(config, {}, { kernel, cni, rules: createRules({}), sets }, apiTimeoutMs),
        );
      } finally {
        kernel.close();
      }
    }

    /** Formats each finding as `check: message`. */
    const found = (results: Result[]): string[] =>
      results.flatMap(({ check, findings }) => findings.map(({ message }) => `${check}: ${message}`));

    test('cnikit-agent doctor has no findings on a healthy node', async () => {
      pod('pod-a');
      pod('pod-b');
      const results = await runDoctor();
      expect(found(results)).toEqual([]);
      expect(exitStatus(results)).toBe(0);
      const good = new Map(results.map(({ check, good }) => [check, good]));
      expect(good.get('mtu')).toBe(
        'Packets of 1500 bytes reach other nodes unfragmented: 4 of 4 addresses answered.',
      );
      expect(good.get('neighbours')).toContain('4 of 4');
      expect(good.get('routes')).toContain('All 4 routes');
      expect(good.get('leaks')).toContain('2 addresses of 10.244.1.0/24 in use');
    });

    const breakages: [string, () => unknown, RegExp[]][] = [
      [
        'a missing route',
        () => run('ip', 'route', 'del', '10.244.2.0/24'),
        [/^routes: Out of sync: \+ route 10.244.2.0\/24 via 192.0.2.2/],
      ],
      [
        'a foreign route in place of ours',
        () => {
          run('ip', 'route', 'del', '10.244.2.0/24');
          run('ip', 'route', 'add', '10.244.2.0/24', 'via', '192.0.2.254');
        },
        [/^routes: A foreign route conflicts with 10.244.2.0\/24/],
      ],
      [
        'a policy rule that diverts packets',
        () => {
          run('ip', 'route', 'add', 'default', 'via', '192.0.2.254', 'table', '77');
          run('ip', 'rule', 'add', 'to', '10.244.0.0/16', 'lookup', '77');
        },
        [/^routes: Packets do not take 2 of 4 tested routes/],
      ],
      [
        'a node that does not answer',
        () => {
          inPeers('address', 'delete', '192.0.2.3/24', 'dev', 'cable');
          run('ip', 'neighbour', 'flush', 'dev', 'eth0');
        },
        [/^neighbours: 192.0.2.3 of node n3 does not answer on eth0/],
      ],
      [
        'a path that drops full-size packets',
        () => inPeers('link', 'set', 'cable', 'mtu', '1400'),
        [/^mtu: 1500-byte packets to 192.0.2.2 of node n2 are silently dropped/, /2001:db8::3 of node n3/],
      ],
      [
        'a path with a smaller MTU',
        () => {
          // The agent takes the MTU of routes in the main table.
          run('ip', 'route', 'add', '192.0.2.3/32', 'dev', 'eth0', 'mtu', '1300', 'table', '77');
          run('ip', 'rule', 'add', 'to', '192.0.2.3', 'lookup', '77');
        },
        [/^mtu: 1500-byte packets are too big for the path to 192.0.2.3 of node n3; its MTU is 1300/],
      ],
      [
        'a missing masquerade rule',
        () => run('iptables', '-t', 'nat', '-F', 'CNIKIT-MASQ'),
        [/^rules: Out of sync \(ipv4\): \+ rule ipv4 nat CNIKIT-MASQ/],
      ],
      [
        'a foreign rule before ours',
        () => run('iptables', '-I', 'FORWARD', '1', '-j', 'REJECT'),
        [/^rules: Out of sync \(ipv4\): .*FORWARD/],
      ],
      [
        'cloudnativelabs/kube-router#1069: both iptables variants in use',
        () => run('iptables-legacy', '-A', 'INPUT', '-s', '203.0.113.1', '-j', 'DROP'),
        [/^rules: Both iptables variants hold rules/],
      ],
      [
        'a wrong kernel setting',
        () => run('sysctl', '-qw', 'net.ipv4.ip_forward=0'),
        [/^sysctls: net.ipv4.ip_forward is 0 but should be 1/],
      ],
      [
        'a configuration that sorts before ours',
        () =>
          writeFileSync(
            join(node.confDir, '00-flannel.conflist'),
            '{"name":"cbr0","plugins":[{"type":"flannel"}]}',
          ),
        [/^configuration: .*00-flannel.conflist \(network cbr0, plugins flannel\) sorts first/],
      ],
      [
        'an invalid configuration',
        () => writeFileSync(join(node.confDir, '00-x.conf'), '{"name":'),
        [/^configuration: .*00-x.conf is invalid .*loads no configuration/],
      ],
      [
        'a missing configuration',
        () => rmSync(join(node.confDir, '05-cnikit.conflist')),
        [/^configuration: .*05-cnikit.conflist does not exist/],
      ],
      [
        'a plugin that does not run',
        () => writeFileSync(join(node.binDir, 'cnikit'), '#!/bin/sh\nexit 1\n'),
        [
          /^plugin: .*cnikit differs from the plugin shipped/,
          /^plugin: .*cnikit does not run: it exited with status 1/,
        ],
      ],
      [
        'a missing loopback plugin',
        () => {
          rmSync(join(node.binDir, 'loopback'));
          symlinkSync('nowhere', join(node.binDir, 'loopback'));
        },
        [/^plugin: Plugin loopback is not installed/],
      ],
      [
        'missing permissions',
        async () => {
          const file = join(node.dir, 'rbac.yaml');
          const less = readFileSync(rbac, 'utf8')
            .replace('"list", "watch"', '"list"')
            .replace('"create", ', '');
          writeFileSync(file, less);
          other = await startApiServer({ rbacFile: file, nodes: node.api.nodes.list() });
          writeFileSync(node.kubeconfig, other.kubeconfig());
        },
        [
          /^api: The agent is not allowed to watch nodes; it needs this to follow/,
          /^api: The agent is not allowed to create events in namespace default/,
        ],
      ],
      [
        'an InternalIP that two nodes have',
        () => {
          const twin = nodeObject(4);
          twin.status.addresses = nodeObject(2).status.addresses;
          node.api.nodes.put(twin as never);
        },
        [/^duplicates: Nodes n2 and n4 have the same InternalIP 192.0.2.2/],
      ],
      [
        'a podCIDR that two nodes have',
        () => {
          const twin = nodeObject(4, ['10.244.2.0/24']);
          twin.status.addresses = [{ type: 'InternalIP', address: '192.0.2.254' }];
          node.api.nodes.put(twin as never);
        },
        [/^duplicates: Nodes (n2 and n4|n4 and n2) claim the same podCIDR 10.244.2.0\/24: the oldest/],
      ],
      [
        'an address that two pods have',
        () => {
          pod('pod-a');
          pod('pod-b');
          run('ip', '-n', 'pod-b', 'address', 'add', '10.244.1.2/24', 'dev', 'eth0');
        },
        [/^duplicates: Pod address 10.244.1.2 is on two links/],
      ],
      [
        'a leaked reservation',
        () => {
          addPod(node, 'pod-gone');
          loseNamespace('pod-gone');
        },
        [/^leaks: Leaked reservation of 10.244.1.2 and fd00:10:244:1::2 for container pod-gone/],
      ],
      [
        'reservations that another program removed',
        () => {
          pod('pod-a');
          rmSync(join(node.stateDir, 'ipam'), { recursive: true });
        },
        [
          new RegExp(
            `^leaks: The pod behind ${hostVethName('cnikit', 'pod-a', 'eth0')} runs without a reserved address`,
          ),
        ],
      ],
      [
        'links of another pod network',
        () => run('ip', 'link', 'add', 'flannel.1', 'type', 'bridge'),
        [/^others: Found links of flannel: flannel.1/],
      ],
      [
        "another CNI's bridge",
        () => {
          run('ip', 'link', 'add', 'cni0', 'type', 'bridge');
          run('ip', 'address', 'add', '10.88.0.1/16', 'dev', 'cni0');
        },
        [/^others: The bridge cni0 has address 10.88.0.1\/16/],
      ],
      ['an agent that does not run', () => health?.close(), [/^agent: No agent answers/]],
      [
        'an unreachable API server',
        () => node.api.stop(),
        [/^api: Cannot list Nodes from the API server https:\S+/],
      ],
    ];

    /** Findings of one check: a loaded machine may lose probe packets, which other checks report. */
    const foundBy = (check: string, results: Result[]): string[] =>
      found(results).filter((line) => line.startsWith(`${check}: `));

    test.each([
      [
        'by the source address of this node',
        ['from', '192.0.2.1'],
        [/^routes: Packets with the address of this node as source do not take 2 of 4 tested routes/],
      ],
      [
        'by the link of a pod',
        ['iif', hostVethName('cnikit', 'pod-a', 'eth0')],
        [/^routes: Packets of pods on this node do not take 2 of 4 tested routes/],
      ],
      [
        'by the addresses of pods on other nodes',
        ['from', '10.244.3.0/24', 'iif', 'eth0'],
        [
          // The strict reverse path filter of the pod's link applies the rule to the replies.
          /^routes: Packets of pods on this node do not take 1 of 4 tested routes/,
          /^routes: Packets from pods on other nodes to pods on this node do not take 1 of 4 tested routes/,
        ],
      ],
    ])('cnikit-agent doctor finds a policy rule %s', async (_, selector, messages) => {
      pod('pod-a');
      run('ip', 'route', 'add', 'default', 'via', '192.0.2.254', 'table', '77');
      run('ip', 'rule', 'add', ...selector, 'lookup', '77', 'priority', '100');
      try {
        expect(foundBy('routes', await runDoctor())).toEqual(
          messages.map((message) => expect.stringMatching(message)),
        );
      } finally {
        run('ip', 'route', 'flush', 'table', '77');
      }
    });

    test('cnikit-agent doctor finds routes of other programs inside of the own podCIDR', async () => {
      pod('pod-a');
      run('ip', 'route', 'add', 'blackhole', '10.244.1.64/26', 'proto', '80');
      run('ip', 'route', 'add', '10.244.1.3/32', 'dev', 'eth0');
      try {
        expect(foundBy('routes', await runDoctor())).toEqual([
          'routes: A route of another program sends packets to eth0 that are for pods of this node with addresses in 10.244.1.3/32.',
          'routes: A route of another program drops packets to pods of this node with addresses in 10.244.1.64/26.',
        ]);
      } finally {
        run('ip', 'route', 'del', 'blackhole', '10.244.1.64/26');
        run('ip', 'route', 'del', '10.244.1.3/32');
      }
    });

    test('cnikit-agent doctor finds a deleted bridge and missing ports under running pods', async () => {
      node.layout = 'bridge';
      await runAgent();
      pod('pod-a');
      run('ip', 'link', 'set', hostVethName('cnikit', 'pod-a', 'eth0'), 'nomaster');
      run('ip', 'address', 'flush', 'dev', 'cni0');
      expect(foundBy('pods', await runDoctor())).toEqual([
        expect.stringMatching(/^pods: veth\S+ of running pods is not a port of cni0/),
        expect.stringMatching(/^pods: cni0 lacks the address 10\.244\.1\.1,/),
        expect.stringMatching(/^pods: cni0 lacks the address fd00:10:244:1::1,/),
      ]);
      run('ip', 'link', 'del', 'cni0');
      expect(foundBy('pods', await runDoctor())).toEqual([
        expect.stringMatching(/^pods: cni0 does not exist although 1 pods run/),
      ]);
    });

    test.each(breakages)('cnikit-agent doctor reports %s', async (what, breakIt, expected) => {
      await breakIt();
      const results = await runDoctor(what === 'an unreachable API server' ? 500 : undefined);
      const lines = found(results);
      for (const pattern of expected) {
        expect(lines).toContainEqual(expect.stringMatching(pattern));
      }
      expect(exitStatus(results)).toBeGreaterThan(0);
      for (const { findings } of results) {
        for (const { fix } of findings) {
          expect(fix).toMatch(/\.$/);
        }
      }
    });
  },
);

function quietly(...argv: [string, ...string[]]): void {
  try {
    run(...argv);
  } catch {
    // There was nothing to remove.
  }
}
