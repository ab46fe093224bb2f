/** The agent restores what other programs remove from running pods. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { endAll, type LiveNode, liveNode, nodeObject, run } from './live-node.ts';
import { addPod, addRecordedPod, deletePod, hasPlugin, loseNamespace, plugin } from './pods.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const bundle = path('../dist/cnikit-agent.js');
const program = existsSync(bundle) ? [bundle] : ['--conditions=@cnikit/source', path('../src/main.ts')];

/** A loaded machine starts programs slowly. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 20 });

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1' || !hasPlugin)(
  'cnikit-agent run and running pods (needs the sandbox: run npm test at the root)',
  () => {
    let node: LiveNode;
    let cacheDir: string;
    let child: ChildProcess | undefined;
    let log: string;
    const servers = new Set<ChildProcess>();
    const pods = ['pod-a', 'pod-b'];
    beforeEach(async () => {
      node = await liveNode(1, 2, 3);
      cacheDir = join(node.dir, 'cache');
      run('ip', 'link', 'set', 'lo', 'up');
    });

    async function startAgent(...more: string[]): Promise<void> {
      const flags = [
        ['kubeconfig', node.kubeconfig],
        ['plugin-binary', plugin],
        ['cni-bin-dir', node.binDir],
        ['cni-conf-dir', node.confDir],
        ['cni-cache-dir', cacheDir],
        ['state-dir', node.stateDir],
        ['node-name', 'n1'],
        ['health-address', 'off'],
      ].map(([name, value]) => `--${name}=${value}`);
      log = '';
      child = spawn(process.execPath, [...program, 'run', ...flags, ...more], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
        log += chunk;
      });
      await eventually(() => expect(log).toContain('The data path is programmed'));
    }

    afterEach(async () => {
      await endAll([...(child ? [child] : []), ...servers]);
      servers.clear();
      for (const id of pods) {
        spawnSync('ip', ['netns', 'delete', id]);
      }
      for (const name of ['cni0', 'ip6tnl0']) {
        spawnSync('ip', ['link', 'del', name]);
      }
      run('nft', 'flush', 'ruleset');
      await node.close();
    });

    /** A server in a pod that answers each connection. */
    function serve(id: string, port: number): void {
      const argv = [
        'netns',
        'exec',
        id,
        'socat',
        `TCP6-LISTEN:${port},ipv6only=0,reuseaddr,fork`,
        'SYSTEM:echo pod',
      ];
      servers.add(spawn('ip', argv, { stdio: 'ignore' }));
    }
    /** Asks from a namespace, '' for the node. */
    const ask = (from: string, address: string, port: number): string => {
      const host = address.includes(':') ? `[${address}]` : address;
      const inside = from === '' ? [] : ['ip', 'netns', 'exec', from];
      const [file, ...argv] = [...inside, 'socat', '-T', '2', '-', `TCP:${host}:${port},connect-timeout=2`];
      return spawnSync(file!, argv, { input: '', encoding: 'utf8' }).stdout;
    };
    const answers = (from: string, address: string, port: number) =>
      eventually(() => expect(ask(from, address, port)).toBe('pod\n'));

    const PORTS = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };

    test('nft flush ruleset: host ports of running pods work again, with a line in the log', async () => {
      await startAgent();
      addRecordedPod(node, 'pod-a', cacheDir, PORTS);
      serve('pod-a', 80);
      await answers('', '192.0.2.1', 8080);
      await answers('', '2001:db8::1', 8080);
      run('nft', 'flush', 'ruleset');
      await answers('', '192.0.2.1', 8080);
      await answers('', '2001:db8::1', 8080);
      await eventually(() =>
        expect(log).toContain(
          'Another program removed source guard, host ports of running pods; the agent restored them for shop/pod-a',
        ),
      );
      deletePod(node, 'pod-a');
      await eventually(() => expect(run('nft', 'list', 'ruleset')).not.toContain('8080'));
    });

    test('ip link del cni0: running pods reach each other and the node again', async () => {
      await startAgent('--layout=bridge');
      addRecordedPod(node, 'pod-a', cacheDir, PORTS);
      addRecordedPod(node, 'pod-b', cacheDir);
      serve('pod-a', 80);
      await answers('pod-b', '10.244.1.2', 80);
      run('ip', 'link', 'del', 'cni0');
      await answers('pod-b', '10.244.1.2', 80);
      await answers('pod-b', 'fd00:10:244:1::2', 80);
      await answers('', '10.244.1.2', 80);
      await answers('', '192.0.2.1', 8080);
      await eventually(() => expect(log).toMatch(/Another program removed .*bridge.* of running pods/));
    });

    test('ip address flush dev cni0: the gateway addresses are there again', async () => {
      await startAgent('--layout=bridge');
      addRecordedPod(node, 'pod-a', cacheDir);
      serve('pod-a', 80);
      await answers('', '10.244.1.2', 80);
      run('ip', 'address', 'flush', 'dev', 'cni0');
      await answers('', '10.244.1.2', 80);
      await answers('', 'fd00:10:244:1::2', 80);
    });

    test('a podCIDR that changed: pods of the earlier one are named, and its gateway goes with the last of them', async () => {
      await startAgent('--layout=bridge');
      addPod(node, 'pod-a');
      node.api.nodes.put(nodeObject(1, ['10.244.7.0/24', 'fd00:10:244:7::/64']) as never);
      await eventually(() =>
        expect(run('cat', join(node.confDir, '05-cnikit.conflist'))).toContain('10.244.7.0'),
      );
      addRecordedPod(node, 'pod-b', cacheDir);
      run('ip', 'address', 'flush', 'dev', 'cni0', 'scope', 'link');
      const addresses = () => run('ip', '-o', 'address', 'show', 'dev', 'cni0');
      expect(addresses()).toContain('fd00:10:244:1::1/64');
      // Any loss starts a pass.
      run('ip', 'address', 'del', '10.244.7.1/24', 'dev', 'cni0');
      await eventually(() =>
        expect(log).toContain(
          "Pod of container pod-a has address 10.244.1.2, which is outside of this node's podCIDR 10.244.7.0/24, fd00:10:244:7::/64",
        ),
      );
      await eventually(() => expect(addresses()).toContain('10.244.7.1/24'));
      expect(addresses()).toContain('fd00:10:244:1::1/64');
      deletePod(node, 'pod-a');
      run('ip', 'address', 'del', '10.244.7.1/24', 'dev', 'cni0');
      await eventually(() => expect(addresses()).not.toContain('fd00:10:244:1::1'));
      await eventually(() => expect(log).toContain('Resolved: outdated-pod 10.244.1.2'));
      await eventually(() => expect(addresses()).toContain('10.244.7.1/24'));
      expect(addresses()).toContain('fd00:10:244:7::1/64');
      loseNamespace('pod-b');
    });
  },
);
