import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { newLink, openRtnetlink } from '@cnikit/netlink';
import { hostVethPrefix } from '@cnikit/plugin';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectIndex, releaseLeak, scanLeaks } from '../src/leaks/node-leaks.ts';
import { eventually, type LiveNode, liveNode, readConflist, run } from './live-node.ts';
import { addPod, addRecordedPod, deletePod, hasPlugin, loseNamespace, plugin } from './pods.ts';

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1' || !hasPlugin)(
  'leaks on a real kernel (needs the sandbox and the built plugin: run npm test at the root)',
  () => {
    let node: LiveNode;
    beforeEach(async () => {
      node = await liveNode(1, 2);
      node.pluginBinary = plugin;
      const { agent } = node.start();
      await eventually(() => expect(agent.ready).toBe(true));
    });
    afterEach(() => node.close());

    const dirs = () => ({ stateDir: node.stateDir, cniCacheDir: join(node.dir, 'cache') });
    const reserved = (): string[] => {
      const dir = join(node.stateDir, 'ipam/cnikit');
      return existsSync(dir) ? readdirSync(dir).filter((name) => /^[\da-f]+[.:]/.test(name)) : [];
    };

    test('containernetworking/plugins#252, #332, containerd/containerd#5768, #5438, containerd/go-cni#131: releaseLeak() releases what a pod without DEL left behind', async () => {
      using rt = openRtnetlink();
      addPod(node, 'pod-a');
      addRecordedPod(node, 'pod-b', dirs().cniCacheDir);
      expect(scanLeaks(rt, dirs())).toEqual([]);
      loseNamespace('pod-b');
      await eventually(() => expect(scanLeaks(rt, dirs())).toHaveLength(1));
      const [leak] = scanLeaks(rt, dirs());
      expect(leak).toMatchObject({
        kind: 'reservation',
        containerID: 'pod-b',
        addresses: ['10.244.1.3', 'fd00:10:244:1::3'],
        pod: 'shop/pod-b',
      });
      await releaseLeak(rt, leak!, {
        plugin: join(node.binDir, 'cnikit'),
        searchPath: process.env.PATH,
        conflist: JSON.stringify(readConflist(node)),
      });
      expect(scanLeaks(rt, dirs())).toEqual([]);
      expect(reserved().sort()).toEqual(['10.244.1.2', 'fd00:10:244:1::2']);
      // cilium/cilium#10065: the living pod keeps what it has.
      deletePod(node, 'pod-a');
      expect(reserved()).toEqual([]);
    });

    test('releaseLeak() also removes port forwards and bandwidth limits, which DEL does not name', async () => {
      using rt = openRtnetlink();
      const others = (): string[] => rt.links({ kind: 'ifb' }).map(({ name }) => name);
      const before = others();
      addPod(node, 'pod-rich', {
        portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
        bandwidth: { ingressRate: 1e6, ingressBurst: 1e6, egressRate: 1e6, egressBurst: 1e6 },
      });
      expect(run('nft', 'list', 'ruleset')).toContain('8080');
      expect(others().length).toBe(before.length + 1);
      loseNamespace('pod-rich');
      await eventually(() => expect(scanLeaks(rt, dirs())).toHaveLength(1));
      await releaseLeak(rt, scanLeaks(rt, dirs())[0]!, {
        plugin: join(node.binDir, 'cnikit'),
        searchPath: process.env.PATH,
        conflist: JSON.stringify(readConflist(node)),
      });
      expect(run('nft', 'list', 'ruleset')).not.toContain('8080');
      expect(others()).toEqual(before);
      expect(reserved()).toEqual([]);
    });

    test('collectIndex() removes index entries of a pod that another plugin deleted, and otherwise writes nothing', () => {
      const index = join(node.stateDir, 'ipam/.cnikit/cnikit');
      addPod(node, 'pod-a');
      addPod(node, 'pod-b');
      const entries = () => readdirSync(index).sort();
      const before = entries();
      collectIndex(node.stateDir);
      expect(entries()).toEqual(before);
      for (const address of ['10.244.1.3', 'fd00:10:244:1::3']) {
        rmSync(join(node.stateDir, 'ipam/cnikit', address));
      }
      collectIndex(node.stateDir);
      expect(entries().filter((name) => name.startsWith('pod-'))).toEqual(['pod-a:eth0']);
      deletePod(node, 'pod-a');
      deletePod(node, 'pod-b');
      expect(reserved()).toEqual([]);
    });

    test('scanLeaks() names the running pod whose reservation was removed', () => {
      using rt = openRtnetlink();
      addRecordedPod(node, 'pod-a', dirs().cniCacheDir);
      rmSync(join(node.stateDir, 'ipam/cnikit'), { recursive: true });
      expect(scanLeaks(rt, dirs())).toMatchObject([{ kind: 'unreserved', pod: 'shop/pod-a' }]);
      deletePod(node, 'pod-a');
    });

    test('scanLeaks() finds the earlier container of a pod, and releaseLeak() frees its addresses, link and host ports', async () => {
      using rt = openRtnetlink();
      const { cniCacheDir } = dirs();
      const ports = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };
      addRecordedPod(node, 'pod-old', cniCacheDir, ports, 'uid-1');
      expect(scanLeaks(rt, dirs())).toEqual([]);
      addRecordedPod(node, 'pod-new', cniCacheDir, {}, 'uid-1');
      addRecordedPod(node, 'pod-other', cniCacheDir);
      const leaks = scanLeaks(rt, dirs());
      expect(leaks).toMatchObject([
        {
          kind: 'sandbox',
          containerID: 'pod-old',
          addresses: ['10.244.1.2', 'fd00:10:244:1::2'],
          pod: 'shop/pod-old',
          reason: 'its pod has a new sandbox',
        },
      ]);
      await releaseLeak(rt, leaks[0]!, {
        plugin: join(node.binDir, 'cnikit'),
        searchPath: process.env.PATH,
        conflist: JSON.stringify(readConflist(node)),
      });
      expect(scanLeaks(rt, dirs())).toEqual([]);
      expect(reserved()).not.toContain('10.244.1.2');
      expect(run('nft', 'list', 'ruleset')).not.toContain('8080');
      loseNamespace('pod-old');
      for (const id of ['pod-new', 'pod-other']) {
        deletePod(node, id);
      }
      expect(reserved()).toEqual([]);
    });

    test('releaseLeak() removes a veth pair with both ends in the host', async () => {
      using rt = openRtnetlink();
      const name = `${hostVethPrefix('cnikit')}0000000`;
      rt.request(newLink({ kind: 'veth', name, peer: { name: 'stray' } }));
      const [leak] = scanLeaks(rt, dirs());
      expect(leak).toMatchObject({ kind: 'veth', link: { name } });
      await releaseLeak(rt, leak!, { plugin, searchPath: '', conflist: '{}' });
      expect(rt.link({ name })).toBeUndefined();
    });

    test('releaseLeak() passes on the error of the plugin', async () => {
      using rt = openRtnetlink();
      const leak = {
        kind: 'reservation',
        key: 'x',
        containerID: '!',
        ifName: 'eth0',
        addresses: [],
      } as const;
      const conflist = JSON.stringify(readConflist(node));
      await expect(
        releaseLeak(rt, { ...leak, addresses: [] }, { plugin, searchPath: '', conflist }),
      ).rejects.toThrow(/CNI_CONTAINERID/);
    });
  },
);
