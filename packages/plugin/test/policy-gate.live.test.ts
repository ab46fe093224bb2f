/** The reports of `cnikit` to the agent that enforces network policy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { env, inSandbox } from './harness.ts';
import { hostVeths, type Pod, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

const LIMIT_MS = 30_000;
const LAYOUTS = ['bridge', 'routed'] as const;
const CNI_ARGS =
  'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u-1';
const OK = '{"ok":true}\n';

describe.skipIf(!inSandbox)('cnikit and network policy (needs the sandbox: run npm test at the root)', () => {
  const here = scratch();
  let server: Server;
  let children: ChildProcess[];
  /** Requests that the agent received. */
  let requests: Record<string, unknown>[];
  /** The agent's behaviour on a request. */
  let onRequest: (socket: Socket) => void;
  const socketPath = () => `${here.dir}/policy.sock`;
  beforeEach(async () => {
    run('nft', 'add', 'table', 'inet', 'cnikit-policy');
    requests = [];
    children = [];
    onRequest = (socket) => socket.end(OK);
    server = createServer((socket) => {
      let text = '';
      socket.on('error', () => undefined);
      socket.on('data', (more) => {
        text += more;
        if (text.endsWith('\n')) {
          requests.push(JSON.parse(text));
          onRequest(socket);
        }
      });
    });
    server.listen(socketPath());
    await once(server, 'listening');
  });
  afterEach(() => {
    server.close();
    for (const child of children) {
      child.kill('SIGKILL');
    }
  });

  /** Runs the executable beside the server. */
  async function call(command: string, pod: Pick<Pod, 'path'>, changes: object = {}, more: object = {}) {
    const child = spawn(executablePath(), {
      argv0: 'cnikit',
      env: env(command, 'c1', pod, { CNI_ARGS, ...more }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    children.push(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    child.stdin.end(
      JSON.stringify({
        cniVersion: '1.1.0',
        name: 'net',
        type: 'cnikit',
        bridge: 'gate0',
        isDefaultGateway: true,
        ipam: {
          type: 'host-local',
          dataDir: here.dir,
          ranges: [[{ subnet: '10.89.0.0/24' }], [{ subnet: 'fd89::/64' }]],
        },
        policy: { socket: socketPath() },
        ...changes,
      }),
    );
    const [exitCode] = await once(child, 'close');
    return { exitCode, stderr, json: stdout === '' ? undefined : JSON.parse(stdout) };
  }

  test.each(LAYOUTS)(
    'cnikit ADD with layout %s reports a complete pod and waits for the answer',
    async (layout) => {
      const pod = here.pod();
      let atRequest: unknown[] = [];
      onRequest = (socket) => {
        // One process, because ADD waits for 2 s at most.
        const state = run(
          'sh',
          '-c',
          `ip -o link show type veth; ip -n ${pod.name} addr show scope global; ip -n ${pod.name} route; ip -n ${pod.name} -6 route`,
        );
        atRequest = [
          state.match(/(?<=inet6? )[^/]+/g),
          state.match(/^default/gm)?.length,
          state.match(/^\d+: veth/gm)?.length,
          children[0]?.exitCode,
        ];
        socket.write(OK.slice(0, 5), () => socket.end(OK.slice(5)));
      };
      const { exitCode, stderr, json } = await call('ADD', pod, { layout });
      const addresses = json.ips.map(({ address }: { address: string }) => address.split('/', 1)[0]);
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(atRequest).toEqual([addresses, 2, 1, null]);
      expect(requests).toEqual([
        {
          op: 'add',
          network: 'net',
          containerId: 'c1',
          ifName: 'eth0',
          namespace: 'shop',
          name: 'web-0',
          uid: 'u-1',
          addresses,
        },
      ]);
    },
    LIMIT_MS,
  );

  test.each(LAYOUTS)(
    'cnikit DEL with layout %s reports the container while its addresses are reserved',
    async (layout) => {
      const pod = here.pod();
      await call('ADD', pod, { layout });
      let atRequest: unknown[] = [];
      onRequest = (socket) => {
        atRequest = [here.reservations().length, hostVeths().length];
        socket.end(OK);
      };
      expect(await call('DEL', pod, { layout }, { CNI_ARGS: '' })).toMatchObject({ exitCode: 0, stderr: '' });
      expect(atRequest).toEqual([2, 1]);
      expect(requests.slice(1)).toEqual([{ op: 'del', network: 'net', containerId: 'c1', ifName: 'eth0' }]);
      expect([...here.reservations(), ...hostVeths()]).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'cnikit GC reports the attachments that it keeps while all addresses are reserved',
    async () => {
      await call('ADD', here.pod());
      let atRequest = 0;
      onRequest = (socket) => {
        atRequest = here.reservations().length;
        socket.end(OK);
      };
      const valid = [{ containerID: 'c2', ifname: 'eth0' }];
      const answer = await call('GC', { path: '' }, { 'cni.dev/valid-attachments': valid });
      expect(answer).toMatchObject({ exitCode: 0, stderr: '' });
      expect([atRequest, here.reservations()]).toEqual([2, []]);
      expect(requests.slice(1)).toEqual([
        { op: 'gc', network: 'net', keep: [{ containerId: 'c2', ifName: 'eth0' }] },
      ]);
      await call('GC', { path: '' });
      expect(requests).toHaveLength(2);
    },
    LIMIT_MS,
  );

  test.each<[string, () => void, RegExp]>([
    ['no socket', () => server.close(), /ENOENT/],
    [
      'a socket without agent',
      () => {
        server.close();
        writeFileSync(socketPath(), '');
      },
      /ECONNREFUSED/,
    ],
    [
      'a folder in place of the socket',
      () => {
        server.close();
        mkdirSync(socketPath());
      },
      /ECONNREFUSED/,
    ],
    ['a silent agent', () => (onRequest = () => undefined), /no answer within 2 s/],
    ['half an answer', () => (onRequest = (socket) => socket.end('{"ok":')), /ended before the answer/],
    ['garbage', () => (onRequest = (socket) => socket.end('\xff\u0000{\n')), /answered /],
    ['a refusal', () => (onRequest = (socket) => socket.end('{"ok":false,"error":"x"}\n')), /answered "x"/],
  ])(
    'cnikit ADD and DEL succeed with %s and print one line',
    async (_, prepare, reason) => {
      prepare();
      const pod = here.pod();
      const added = await call('ADD', pod);
      expect(added.exitCode).toBe(0);
      expect(added.stderr).toMatch(/^Pod shop\/web-0 has no network until its policies are enforced: .*\n$/);
      expect(added.stderr).toMatch(reason);
      const deleted = await call('DEL', pod);
      expect(deleted.exitCode).toBe(0);
      expect(deleted.stderr).toMatch(/^Removing container c1 from network policy without the agent: .*\n$/);
      expect([...here.reservations(), ...hostVeths()]).toEqual([]);
    },
    LIMIT_MS,
  );

  test.each(['DEL', 'GC'])(
    'cnikit %s without agent closes the addresses that it frees, and no others',
    async (command) => {
      const pod = here.pod();
      server.close();
      const { json } = await call('ADD', pod);
      const addresses = json.ips.map(({ address }: { address: string }) => address.split('/', 1)[0]);
      for (const family of [4, 6]) {
        for (const map of [`egress-ipv${family}`, `ingress-ipv${family}`]) {
          const elements = [addresses[family === 4 ? 0 : 1], family === 4 ? '10.89.0.99' : 'fd89::99'];
          const text = elements.map((address) => `${address} : accept`).join(', ');
          run(
            'nft',
            `add map inet cnikit-policy ${map} { type ipv${family}_addr : verdict; elements = { ${text} }; }`,
          );
        }
      }
      run('nft', 'delete element inet cnikit-policy ingress-ipv6', `{ ${addresses[1]} }`);
      const track = (source: string, destination: string) => {
        const ports = ['--sport', '1000', '--dport', '53', '-t', '600'];
        run('conntrack', '-I', '-p', 'udp', '-s', source, '-d', destination, ...ports);
      };
      run('conntrack', '-F');
      track(addresses[0]!, '10.89.0.98');
      track('fd89::98', addresses[1]!);
      track('10.89.0.99', '10.89.0.98');
      const answer = await call(command, pod, { 'cni.dev/valid-attachments': [] }, { CNI_NETNS: '' });
      expect(answer).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^Removing .*\n$/) });
      const rest = run('nft', 'list', 'table', 'inet', 'cnikit-policy').match(/\S+ : accept/g);
      const kept = (address: string) => [`${address} : accept`, `${address} : accept`];
      expect(rest?.sort()).toEqual([...kept('10.89.0.99'), ...kept('fd89::99')]);
      expect(here.reservations()).toEqual([]);
      const tracked = ['ipv4', 'ipv6'].map((family) => run('conntrack', '-L', '-f', family)).join('');
      for (const address of addresses) {
        expect(tracked).not.toContain(`=${address} `);
      }
      expect(tracked).toContain('src=10.89.0.99');
    },
    LIMIT_MS,
  );

  test(
    'cnikit ADD and STATUS fail while the agent has no table, because the pod would be open',
    async () => {
      run('nft', 'delete', 'table', 'inet', 'cnikit-policy');
      const pod = here.pod();
      const msg = expect.stringContaining('table inet cnikit-policy is missing');
      expect(await call('ADD', pod)).toMatchObject({ exitCode: 1, json: { code: 11, msg } });
      expect(await call('STATUS', pod)).toMatchObject({ exitCode: 1, json: { code: 50, msg } });
      expect([hostVeths(), here.reservations(), requests]).toEqual([[], [], []]);
      expect(await call('DEL', pod)).toMatchObject({ exitCode: 0 });
      run('nft', 'add', 'table', 'inet', 'cnikit-policy');
      expect(await call('STATUS', pod)).toMatchObject({ exitCode: 0, stderr: '' });
      expect(requests.map(({ op }) => op)).toEqual(['del']);
    },
    LIMIT_MS,
  );

  test(
    'cnikit ADD does not report a container that is not a pod of Kubernetes',
    async () => {
      const pod = here.pod();
      for (const args of [
        '',
        'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop',
        'IgnoreUnknown=1;K8S_POD_NAME=web-0',
      ]) {
        expect(await call('ADD', pod, {}, { CNI_ARGS: args })).toMatchObject({ exitCode: 0, stderr: '' });
        await call('DEL', pod);
      }
      expect(requests.map(({ op }) => op)).toEqual(['del', 'del', 'del']);
    },
    LIMIT_MS,
  );

  test(
    'cnikit ADD reports only addresses of the interface that it makes',
    async () => {
      const prevResult = {
        cniVersion: '1.1.0',
        interfaces: [{ name: 'net1', sandbox: '/run/netns/x' }],
        ips: [{ address: '192.0.2.9/24', interface: 0 }],
      };
      expect(await call('ADD', here.pod(), { prevResult })).toMatchObject({ exitCode: 0 });
      expect(requests).toMatchObject([
        { addresses: [/^10\.89\./, /^fd89::/].map((one) => expect.stringMatching(one)) },
      ]);
    },
    LIMIT_MS,
  );

  test.each([
    {},
    { socket: 5 },
    { socket: '' },
    { socket: 'policy.sock' },
    { socket: `/${'x'.repeat(107)}` },
    [1],
    'x',
  ])(
    'cnikit ADD refuses policy %j, and DEL accepts it',
    async (policy) => {
      const pod = here.pod();
      expect(await call('ADD', pod, { policy })).toMatchObject({ exitCode: 1, json: { code: 7 } });
      expect(hostVeths()).toEqual([]);
      expect(await call('DEL', pod, { policy })).toMatchObject({ exitCode: 0, stderr: '' });
      expect(requests).toEqual([]);
    },
    LIMIT_MS,
  );
});
