/**
 * Pods that start under network policy: agent, plugin and kernel together. Each pod sends from its first instant, and a
 * neighbour that knows its address sends to it. Counters in the pods' namespaces count the packets that arrive.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiServer, startApiServer } from '@cnikit/apiserver-fake';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { soakSize } from '../../../vitest.soak.ts';
import { endAll, makeLink, nodeObject, removeLink, run } from './live-node.ts';
import { hasPlugin, plugin } from './pods.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const bundle = path('../dist/cnikit-agent.js');
const program = existsSync(bundle) ? [bundle] : ['--conditions=@cnikit/source', path('../src/main.ts')];

/** Pods of each test. */
const PODS = soakSize(3, 100);
/** Packets that a pod sends before its counters are read. */
const ENOUGH = 10;
const PORT = 9;
const LIMIT_MS = 180_000;

/** A loaded machine starts programs slowly. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 20 });

const denyAll = (namespace: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'deny', namespace },
  spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
});

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1' || !hasPlugin)(
  'pods that start under network policy (needs the sandbox: run npm test at the root)',
  () => {
    let api: ApiServer;
    let dir: string;
    let agent: ChildProcess | undefined;
    let log: string;
    let senders: ChildProcess[];
    let namespaces: string[];
    beforeEach(async () => {
      makeLink();
      [dir, senders, namespaces, log] = [mkdtempSync('/run/cnikit-pod-start-'), [], [], ''];
      api = await startApiServer({ nodes: [nodeObject(1)] as never });
      writeFileSync(join(dir, 'kubeconfig'), api.kubeconfig());
      for (const name of ['shop', 'open']) {
        api.resource('namespaces').put({ metadata: { name } });
      }
    });
    afterEach(async () => {
      await endAll([...(agent ? [agent] : []), ...senders]);
      for (const name of namespaces) {
        run('ip', 'netns', 'delete', name);
      }
      run('nft', 'flush', 'ruleset');
      await api.close();
      removeLink();
      for (const [command, table] of ['iptables', 'ip6tables'].flatMap((one) =>
        ['filter', 'nat'].map((name) => [one, name] as const),
      )) {
        run(command, '-t', table, '-F');
        run(command, '-t', table, '-X');
      }
      spawnSync('ipset', ['destroy']);
      rmSync(dir, { recursive: true });
    });

    async function startAgent(): Promise<void> {
      const flags = {
        kubeconfig: join(dir, 'kubeconfig'),
        'plugin-binary': plugin,
        'cni-bin-dir': join(dir, 'bin'),
        'cni-conf-dir': join(dir, 'net.d'),
        'cni-cache-dir': join(dir, 'cache'),
        'state-dir': join(dir, 'state'),
        'node-name': 'n1',
        'health-address': 'off',
      };
      const argv = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
      log = '';
      agent = spawn(process.execPath, [...program, 'run', '--network-policy', ...argv], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      agent.stdout!.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
      await eventually(() => {
        expect(log).toContain('The data path is programmed');
        expect(conflist()).toHaveProperty('plugins.0.policy');
        expect(run('nft', 'list', 'tables')).toContain('inet cnikit-policy');
      });
    }

    async function killAgent(): Promise<void> {
      const ended = new Promise((resolve) => agent!.once('exit', resolve));
      agent!.kill('SIGKILL');
      await ended;
    }

    const conflist = () =>
      JSON.parse(run('cat', join(dir, 'net.d', '05-cnikit.conflist'))) as {
        cniVersion: string;
        name: string;
        plugins: object[];
      };

    /** Makes the namespace of a pod with counters of what it sends and receives on eth0. */
    function makeNamespace(id: string): void {
      run('ip', 'netns', 'add', id);
      namespaces.push(id);
      const counters = `table inet count {
        counter sent { }
        counter received { }
        chain out { type filter hook output priority 0; oifname eth0 udp dport ${PORT} counter name sent; }
        chain in { type filter hook input priority 0; iifname eth0 udp dport ${PORT} counter name received; }
      }`;
      run('ip', 'netns', 'exec', id, 'nft', counters);
    }

    const count = (id: string, counter: 'sent' | 'received'): number =>
      Number(
        /packets (\d+)/.exec(
          run('ip', 'netns', 'exec', id, 'nft', 'list', 'counter', 'inet', 'count', counter),
        )![1],
      );

    /** Sends datagrams to the addresses from then on, also while there is no route. */
    function sendFrom(id: string, addresses: readonly string[]): ChildProcess {
      const sends = addresses.map((address) => `echo x > /dev/udp/${address}/${PORT}`).join('; ');
      // Pauses without another process.
      const script = `exec 3<> <(:); while :; do ${sends}; read -rt 0.005 -u 3; done`;
      const sender = spawn('ip', ['netns', 'exec', id, 'bash', '-c', script], { stdio: 'ignore' });
      senders.push(sender);
      return sender;
    }

    /** Attaches a pod as kubelet and runtime do. Returns its addresses and what the plugin wrote to standard error. */
    async function attach(namespace: string, id: string): Promise<{ addresses: string[]; stderr: string }> {
      api.pods.put({
        metadata: { name: id, namespace, uid: `uid-${id}` },
        spec: { nodeName: 'n1', containers: [] },
        status: { phase: 'Pending' },
      } as never);
      const { cniVersion, name, plugins } = conflist();
      // The API server runs in this process, so ADD must not block it.
      const child = spawn(join(dir, 'bin', 'cnikit'), {
        env: {
          CNI_COMMAND: 'ADD',
          CNI_CONTAINERID: id,
          CNI_IFNAME: 'eth0',
          CNI_NETNS: `/run/netns/${id}`,
          CNI_PATH: join(dir, 'bin'),
          CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${id};K8S_POD_UID=uid-${id}`,
        },
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (text) => (stdout += text));
      child.stderr.on('data', (text) => (stderr += text));
      child.stdin.end(JSON.stringify({ ...plugins[0], cniVersion, name }));
      const [status] = await once(child, 'close');
      expect([status, stdout]).toEqual([0, stdout]);
      const { ips } = JSON.parse(stdout) as { ips: { address: string }[] };
      return { addresses: ips.map(({ address }) => address.split('/', 1)[0]!), stderr };
    }

    /** Addresses that the next pods of the node get. */
    const nextAddresses = ([ipv4 = '', ipv6 = '']: readonly string[], length: number): string[] =>
      Array.from({ length }, (_, i) => i + 1).flatMap((more) => [
        ipv4.replace(/\d+$/, (host) => String(Number(host) + more)),
        ipv6.replace(/[\da-f]+$/, (host) => (Number.parseInt(host, 16) + more).toString(16)),
      ]);

    /** Starts a pod without policy that sends to the next ones. */
    async function startNeighbour(pods: number): Promise<string[]> {
      makeNamespace('neighbour');
      const { addresses } = await attach('open', 'neighbour');
      sendFrom('neighbour', nextAddresses(addresses, pods));
      return addresses;
    }

    /**
     * Attaches pods that send to the neighbour from their first instant while the neighbour sends to them. Expects that no
     * packet arrives. Returns the standard error of each ADD.
     */
    async function expectClosed(namespace: string, pods: readonly string[], neighbour: readonly string[]) {
      const written: string[] = [];
      for (const id of pods) {
        makeNamespace(id);
        const sender = sendFrom(id, neighbour);
        written.push((await attach(namespace, id)).stderr);
        const before = count('neighbour', 'sent');
        await eventually(() => {
          expect(count(id, 'sent')).toBeGreaterThan(ENOUGH);
          expect(count('neighbour', 'sent')).toBeGreaterThan(before + ENOUGH);
        });
        await endAll([sender]);
        expect([count(id, 'received'), count('neighbour', 'received')]).toEqual([0, 0]);
      }
      return written;
    }

    /** Waits until packets of a pod reach the neighbour, and its packets all pods. */
    async function expectOpen(pods: readonly string[], neighbour: readonly string[]): Promise<void> {
      sendFrom(pods[0]!, neighbour);
      await eventually(() => {
        for (const id of ['neighbour', ...pods]) {
          expect(count(id, 'received')).toBeGreaterThan(0);
        }
      });
    }

    const names = (length: number) => Array.from({ length }, (_, i) => `pod${i}`);

    test(
      'cnikit lets no packet of a new pod pass that a policy denies, and all once the policy is gone',
      async () => {
        api.resource('networkpolicies').put(denyAll('shop'));
        await startAgent();
        const neighbour = await startNeighbour(PODS);
        await expectClosed('shop', names(PODS), neighbour);
        api.resource('networkpolicies').delete('deny', 'shop');
        await expectOpen(names(PODS), neighbour);
      },
      LIMIT_MS,
    );

    test(
      'cnikit keeps a pod closed that starts while the agent is dead, and the agent opens it at its next start',
      async () => {
        await startAgent();
        const pods = names(2);
        const neighbour = await startNeighbour(pods.length);
        await killAgent();
        for (const text of await expectClosed('open', pods, neighbour)) {
          expect(text).toMatch(/^Pod open\/pod\d has no network until .*: agent at .*ECONNREFUSED.*\n$/);
        }
        for (const id of pods) {
          record('open', id);
        }
        await startAgent();
        await expectOpen(pods, neighbour);
      },
      LIMIT_MS,
    );

    /** Writes libcni's record of a pod, as the runtime does after ADD. */
    function record(namespace: string, id: string): void {
      const cniArgs = [
        ['IgnoreUnknown', '1'],
        ['K8S_POD_NAMESPACE', namespace],
        ['K8S_POD_NAME', id],
        ['K8S_POD_UID', `uid-${id}`],
      ];
      run('mkdir', '-p', join(dir, 'cache', 'results'));
      writeFileSync(
        join(dir, 'cache', 'results', `cnikit-${id}-eth0`),
        JSON.stringify({
          kind: 'cniCacheV1',
          containerId: id,
          ifName: 'eth0',
          networkName: 'cnikit',
          cniArgs,
        }),
      );
    }
  },
);
