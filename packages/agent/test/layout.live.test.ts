/** Nodes with routed pods, and a node that changes its layout while pods run. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { Lab, type LabNode, type Namespace, type Pod, ping, ROUTER, startPing } from '@cnikit/testing-lab';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Layout } from '../src/core/model.ts';
import { hasPlugin, plugin } from './pods.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const bundle = path('../dist/cnikit-agent.js');
const program = existsSync(bundle) ? [bundle] : ['--conditions=@cnikit/source', path('../src/main.ts')];
const eventually = (check: () => Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 20 });

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1' || !hasPlugin)(
  'cnikit-agent --layout (needs the sandbox: run npm test at the root)',
  { timeout: 240_000 },
  () => {
    let lab: Lab;
    let api: ApiServer;
    let agents: Map<string, ChildProcess>;
    beforeEach(async () => {
      agents = new Map();
      lab = await Lab.create();
      api = await startApiServer({
        host: ROUTER.ipv4,
        port: 6443,
        rbacFile: path('../../../deploy/base/rbac.yaml'),
      });
    });
    afterEach(async () => {
      for (const name of [...agents.keys()]) {
        await stop(name);
      }
      await api.close();
      await lab.destroy();
    });

    async function addNode(name: string, far = false): Promise<LabNode> {
      const node = await lab.addNode(name, { far });
      writeFileSync(node.path('/run/kubeconfig'), api.kubeconfig(), { mode: 0o600 });
      api.nodes.put({
        metadata: { name },
        spec: { podCIDRs: [node.podCidrs.ipv4, node.podCidrs.ipv6] },
        status: {
          addresses: [node.address.ipv4, node.address.ipv6].map((address) => ({
            type: 'InternalIP',
            address,
          })),
        },
      } as never);
      return node;
    }
    const argv = (node: LabNode, command: string, ...more: string[]): string[] => [
      process.execPath,
      ...program,
      command,
      `--node-name=${node.name}`,
      '--kubeconfig=/run/kubeconfig',
      `--plugin-binary=${plugin}`,
      ...more,
    ];
    const conflistOf = (node: LabNode): { plugins: [{ layout?: string }] } =>
      JSON.parse(readFileSync(node.path('/etc/cni/net.d/05-cnikit.conflist'), 'utf8'));

    /** Starts the agent, in place of the one that runs, and waits for its conflist. */
    async function start(node: LabNode, layout?: Layout): Promise<void> {
      await stop(node.name);
      const chosen = layout === undefined ? [] : [`--layout=${layout}`];
      const more = [...chosen, '--resync-interval=1', '--health-address=off'];
      const env = { PATH: process.env.PATH ?? '' };
      const logFile = node.path('/run/log/agent.log');
      agents.set(node.name, node.start(argv(node, 'run', ...more), { env, logFile }));
      const expected = layout === 'bridge' ? undefined : 'routed';
      await eventually(async () => expect(conflistOf(node).plugins[0].layout).toBe(expected));
    }

    async function stop(name: string): Promise<void> {
      const child = agents.get(name);
      agents.delete(name);
      if (child !== undefined && child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    }

    /** Checks that each reaches each in both families. */
    async function expectAllReach(from: readonly Namespace[], to: readonly Pod[]): Promise<void> {
      const failed = await Promise.all(
        from.flatMap((one) =>
          to.flatMap(({ name, ips }) =>
            ips.map(async (ip) =>
              (await ping(one, ip, { timeoutMs: 20_000 }))
                ? []
                : `${one.name} does not reach ${name} at ${ip}`,
            ),
          ),
        ),
      );
      expect(failed.flat()).toEqual([]);
    }

    const unreachable = async (node: LabNode): Promise<string[]> =>
      (await node.must(['sh', '-c', 'ip route show type unreachable; ip -6 route show type unreachable']))
        .split('\n')
        .flatMap((line) => / (\S+) .*proto 201/.exec(` ${line.replace(/^unreachable /, '')}`)?.[1] ?? []);

    test('cnikit-agent run connects pods of one node, of other nodes and of nodes behind a router', async () => {
      const nodes = [await addNode('n1'), await addNode('n2'), await addNode('n3', true)];
      await Promise.all(nodes.map((node) => start(node)));
      const pods: Pod[] = [];
      for (const node of nodes) {
        pods.push(await node.addPod(`${node.name}-a`));
      }
      const [n1] = nodes;
      pods.push(await n1!.addPod('n1-b'));
      await expectAllReach([...pods, ...nodes], pods);
      expect((await n1!.exec(['ip', 'link', 'show', 'cni0'])).status).not.toBe(0);
      // Packets to addresses of no pod stay on the node.
      expect(await unreachable(n1!)).toEqual([n1!.podCidrs.ipv4, n1!.podCidrs.ipv6]);
      const free = n1!.podCidrs.ipv4.replace(/0\/.*/, '250');
      expect((await n1!.exec(['ip', 'route', 'get', free])).status).not.toBe(0);
      const plan = await n1!.exec(argv(n1!, 'plan'), { timeoutMs: 60_000 });
      expect(plan).toMatchObject({ status: 0, stdout: expect.stringMatching(/^(?![+~-] )/) });

      await stop('n1');
      const [address] = pods[0]!.ips;
      await n1!.must(['ip', 'route', 'del', `${address}/32`]);
      await n1!.must(['nft', 'flush', 'table', 'inet', 'cnikit_guard']);
      const doctor = await n1!.exec(argv(n1!, 'doctor'), { timeoutMs: 60_000 });
      expect(doctor.stdout).toContain(`The node has no route to ${address} by veth`);
      expect(doctor.stdout).toContain('The table inet cnikit_guard is missing, or its rules are');

      const cleanup = await n1!.exec(argv(n1!, 'cleanup', '--force'), { timeoutMs: 60_000 });
      expect(cleanup).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('- table inet cnikit_guard'),
      });
      expect(await unreachable(n1!)).toEqual([]);
      expect(await n1!.must(['ip', '-o', 'link', 'show', 'type', 'veth'])).not.toMatch(/: veth/);
    });

    test('cnikit-agent run keeps pods of an earlier version on the bridge reachable, and removes the bridge after the last one', async () => {
      const [n1, n2] = [await addNode('n1'), await addNode('n2')];
      await Promise.all([start(n1, 'bridge'), start(n2)]);
      const [old, other] = [await n1.addPod('old'), await n2.addPod('other')];
      const pings = await Promise.all(old.ips.map((ip) => startPing(other, ip)));
      await start(n1);
      await eventually(async () => expect(await unreachable(n1)).toHaveLength(2));
      const added = await n1.addPod('new');
      await Promise.all(pings.map((one) => one.more(5)));
      await Promise.all(pings.map((one) => one.stop()));
      await expectAllReach([old, other, added, n1, n2], [old, other, added]);
      await stop('n1');
      await n1.removePod('old');
      const plan = await n1.exec(argv(n1, 'plan'), { timeoutMs: 60_000 });
      expect(plan).toMatchObject({ status: 3, stdout: expect.stringContaining('- link cni0 (its last pod') });
      await start(n1);
      await eventually(async () =>
        expect((await n1.exec(['ip', 'link', 'show', 'cni0'])).status).not.toBe(0),
      );
      await expectAllReach([other, added, n1], [other, added]);

      await start(n1, 'bridge');
      await eventually(async () => expect(await unreachable(n1)).toEqual([]));
      const bridged = await n1.addPod('bridged');
      await expectAllReach([bridged, added, other, n1], [bridged, added, other]);
      await n1.removePod('new');
      await eventually(async () =>
        expect((await n1.exec(['nft', 'list', 'table', 'inet', 'cnikit_guard'])).status).not.toBe(0),
      );
    });
  },
);
