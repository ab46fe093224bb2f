/** `cnikit restore`: pods have again what another program removed from under them. */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { parseConfigList, Runtime } from '@cnikit/cni-spec/runtime';
import { nodeRuntimeIo } from '@cnikit/cni-spec/runtime/node';
import { sys } from '@cnikit/sys';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { hostVethName } from '../src/links/names.ts';
import { inSandbox } from './harness.ts';
import { ipJson, type Pod, run } from './namespaces.ts';
import { flushRuleset, ruleset } from './nat-state.ts';
import { withOutside } from './outside.ts';
import { scratch } from './scratch.ts';
import { NODE, reach, serve } from './traffic.ts';

const NODE4 = '192.0.2.1';
const NODE6 = '2001:db8::1';
const PATH = process.env.PATH ?? '';
const PORTS = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 5300, containerPort: 53, protocol: 'udp' },
];

describe.skipIf(!inSandbox)('cnikit restore (needs the sandbox: run npm test at the root)', () => {
  const here = scratch();
  const outside = withOutside();
  let bin: string;
  beforeAll(() => {
    bin = mkdtempSync('/run/cnikit-bin-');
    copyFileSync(executablePath(), `${bin}/cnikit`);
    for (const name of ['bridge', 'ptp', 'portmap']) {
      symlinkSync('cnikit', `${bin}/${name}`);
    }
  });
  afterAll(() => rmSync(bin, { recursive: true }));

  const cacheDir = () => `${here.dir}/cache`;
  const cnikit = (argv: string[]) => {
    const { status, stdout, stderr } = sys.run([`${bin}/cnikit`, ...argv], { env: { PATH } });
    return { status, stdout, stderr };
  };
  const runtime = () => new Runtime({ io: nodeRuntimeIo(), path: [bin], cacheDir: cacheDir() });
  const restore = (...args: string[]) => {
    const argv = ['restore', '--cache-dir', cacheDir(), ...args];
    return cnikit(argv);
  };
  const list = (attach: object = {}, portmap: object = {}) => {
    const ports = { capabilities: { portMappings: true } };
    const type = (attach as { type?: string }).type ?? 'cnikit';
    const own = {
      type,
      ...(type !== 'ptp' && { bridge: 'back0', isGateway: true, hairpinMode: true }),
      ...(type === 'cnikit' && { ...ports, ...portmap }),
      ipMasq: true,
      ...attach,
      ipam: {
        type: 'host-local',
        dataDir: `${here.dir}/networks`,
        ranges: [[{ subnet: '10.85.0.0/24' }], [{ subnet: 'fd85::/64' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
      },
    };
    const chained = type === 'cnikit' ? [] : [{ type: 'portmap', ...ports, ...portmap }];
    return parseConfigList(JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [own, ...chained] }));
  };
  const attachment = (containerID: string, pod: Pod, portMappings: object[] = []) => ({
    containerID,
    netns: pod.path,
    ifName: 'eth0',
    capabilityArgs: { portMappings },
  });
  /** The rules without counters, handles and order. */
  const rules = () => ruleset().split('\n').sort();
  const serveAll = (pod: Pod) => {
    serve(pod, 'tcp', 80);
    serve(pod, 'udp', 53);
  };
  const expectConnections = async () => {
    for (const [node, seen] of [
      [NODE4, outside.ipv4],
      [NODE6, outside.ipv6],
    ] as const) {
      expect(await reach(outside, 'tcp', node, 8080)).toBe(seen);
      expect(await reach(outside, 'udp', node, 5300, 7777)).toBe(seen);
    }
  };

  test.each([
    ['cnikit', {}, {}],
    ['bridge with upstream’s tables', { type: 'bridge', ipMasqBackend: 'nftables' }, { backend: 'nftables' }],
    ['ptp', { type: 'ptp' }, {}],
    ['cnikit with routes', { layout: 'routed' }, {}],
    ['cnikit with iptables', { ipMasqBackend: 'iptables' }, { backend: 'iptables' }],
  ])(
    'nft flush ruleset: host ports and masquerading of pods of %s work again',
    async (_, attach, portmap) => {
      const [a, b] = [here.pod(), here.pod()];
      const config = list(attach, portmap);
      const both = [attachment('a', a, PORTS), attachment('b', b)];
      for (const one of both) {
        await runtime().add(config, one);
      }
      const before = rules();
      serveAll(a);
      await expectConnections();
      flushRuleset();
      // A UDP flow that began without the rules keeps their absence in mind.
      run('ip', 'netns', 'exec', outside.name, 'bash', '-c', `echo x >/dev/udp/${NODE4}/5300`);
      const { status, stdout, stderr } = restore();
      expect([status, stderr]).toEqual([0, '']);
      // The guard of the layout `routed` belongs to all pods.
      expect(stdout.replace('source guard, ', '').trim().split('\n').sort()).toEqual([
        'Restored masquerade of net/b/eth0',
        'Restored masquerade, host ports of net/a/eth0',
      ]);
      expect(rules()).toEqual(before);
      await expectConnections();
      expect(restore()).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(rules()).toEqual(before);
      for (const one of both) {
        await runtime().check(config, one);
        await runtime().del(config, one);
      }
      expect(ruleset()).not.toMatch(/10\.85\.|fd85:/);
    },
  );

  const tables = () => run('nft', 'list', 'tables').trim().split('\n');
  /** Words that `nft flush` takes for each table, and each chain that has rules. */
  const flushable = () => {
    const { nftables } = JSON.parse(run('nft', '-j', 'list', 'ruleset'));
    const chains = nftables.flatMap(
      ({ rule }: { rule?: { family: string; table: string; chain: string } }) =>
        rule === undefined ? [] : [`chain ${rule.family} ${rule.table} ${rule.chain}`],
    );
    return [...tables(), ...new Set<string>(chains)];
  };
  /** The layout, the configurations of both plugins, and the tables that stay. */
  const LAYOUTS: [string, object, object, string][] = [
    ['a bridge', { macspoofchk: true }, {}, ''],
    ['routes', { layout: 'routed' }, {}, 'table inet cnikit_guard'],
    [
      'a bridge with upstream’s tables',
      { type: 'bridge', ipMasqBackend: 'nftables' },
      { backend: 'nftables' },
      'table inet cni_plugins_masquerade,table ip cni_hostport,table ip6 cni_hostport',
    ],
  ];

  test.each(LAYOUTS)(
    'cnikit restore fills tables and chains of a pod on %s that were flushed',
    async (_, attach, portmap) => {
      const a = here.pod();
      await runtime().add(list(attach, portmap), attachment('a', a, PORTS));
      const before = rules();
      serveAll(a);
      for (const what of flushable()) {
        run('nft', 'flush', ...what.split(' '));
        const { status, stdout, stderr } = restore();
        expect({ what, status, stdout, stderr }).toEqual({
          what,
          status: 0,
          stdout: expect.stringMatching(/^Restored /),
          stderr: '',
        });
        expect(rules(), what).toEqual(before);
      }
      await expectConnections();
      expect(restore()).toEqual({ status: 0, stdout: '', stderr: '' });
    },
  );

  test.each(LAYOUTS)(
    'DEL of a pod on %s leaves nothing in tables that were flushed',
    async (_, attach, portmap, kept) => {
      const [a, b] = [here.pod(), here.pod()];
      await runtime().add(list(attach, portmap), attachment('a', a, PORTS));
      const before = rules();
      await runtime().add(
        list(attach, portmap),
        attachment('b', b, [{ hostPort: 81, containerPort: 80, protocol: 'tcp' }]),
      );
      for (const table of tables()) {
        run('nft', 'flush', ...table.split(' '));
      }
      await runtime().del(list(attach, portmap), attachment('b', b));
      expect(restore()).toMatchObject({ status: 0, stderr: '' });
      expect(rules()).toEqual(before);
      await runtime().del(list(attach, portmap), attachment('a', a));
      expect(tables().join()).toBe(kept);
    },
  );

  test('cnikit restore makes the routes of a pod again after its host end was down', async () => {
    const pod = here.pod();
    const config = list({ layout: 'routed', ipMasq: false });
    await runtime().add(config, attachment('a', pod));
    const routes = () => ['-4', '-6'].map((family) => run('ip', family, 'route', 'show', 'dev', host));
    const host = hostVethName('net', 'a', 'eth0');
    const before = routes();
    run('ip', 'link', 'set', host, 'down');
    run('ip', 'link', 'set', host, 'up');
    expect(routes()).not.toEqual(before);
    expect(restore().stdout).toBe('Restored routes of net/a/eth0\n');
    expect(routes()).toEqual(before);
    await runtime().check(config, attachment('a', pod));
    await runtime().del(config, attachment('a', pod));
  });

  test('iptables -t nat -F: host ports and masquerading work again', async () => {
    const pod = here.pod();
    const config = list({ ipMasqBackend: 'iptables' }, { backend: 'iptables' });
    const one = attachment('a', pod, PORTS);
    await runtime().add(config, one);
    serveAll(pod);
    run('iptables', '-t', 'nat', '-F');
    run('ip6tables', '-t', 'nat', '-F');
    expect(restore().stdout).toBe('Restored masquerade, host ports of net/a/eth0\n');
    await expectConnections();
    expect(restore().stdout).toBe('');
    await runtime().check(config, one);
    await runtime().del(config, one);
    expect(ruleset()).not.toMatch(/10\.85\.|fd85:/);
  });

  test('restore() leaves out pods that are gone, also those whose record is left', async () => {
    const [a, b] = [here.pod(), here.pod()];
    await runtime().add(list(), attachment('a', a, PORTS));
    await runtime().add(list(), attachment('b', b));
    const [host] = ipJson('link', 'show', 'type', 'veth').filter(({ master }) => master === 'back0');
    run('ip', 'link', 'del', String(host!.ifname));
    flushRuleset();
    expect(restore().stdout.trim().split('\n')).toHaveLength(1);
  });

  test('restore() names the pod that has the port now', async () => {
    const [a, b] = [here.pod(), here.pod()];
    await runtime().add(list(), attachment('a', a, PORTS));
    flushRuleset();
    await runtime().add(list(), attachment('b', b, PORTS));
    const { status, stderr, stdout } = restore('--json');
    expect([status, stderr]).toEqual([1, '']);
    expect(JSON.parse(stdout)).toEqual([
      {
        network: 'net',
        containerID: 'a',
        ifName: 'eth0',
        restored: ['masquerade'],
        error: expect.stringContaining('is taken by container b (eth0) of network net'),
      },
    ]);
    expect(restore().stderr).toMatch(/^net\/a\/eth0: Host port 8080\/tcp is taken by container b/);
  });

  test.each([
    ['the bridge', () => run('ip', 'link', 'del', 'back0'), 'bridge, port, gateway'],
    ['a port', () => run('ip', 'link', 'set', hostEnd(), 'nomaster'), 'port'],
    ['the addresses of the bridge', () => run('ip', 'address', 'flush', 'dev', 'back0'), 'gateway'],
  ])('a pod works again after another program removed %s', async (_, remove, restored) => {
    const [a, b] = [here.pod(), here.pod()];
    const config = list({ macspoofchk: true });
    const both = [attachment('a', a, PORTS), attachment('b', b)];
    for (const one of both) {
      await runtime().add(config, one);
    }
    const mac = ipJson('link', 'show', 'back0')[0]!.address;
    const held = () =>
      ipJson('address', 'show', 'dev', 'back0').flatMap(({ addr_info: all }) =>
        (all as { local: string; prefixlen: number; broadcast?: string }[])
          .map(({ local, prefixlen, broadcast }) => `${local}/${prefixlen} ${broadcast}`)
          .sort(),
      );
    const before = held();
    serveAll(a);
    remove();
    const { status, stdout, stderr } = restore();
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Restored ${restored} of net/`);
    expect(ipJson('link', 'show', 'back0')[0]!.address).toBe(mac);
    expect(held()).toEqual(before);
    await expectConnections();
    expect(await reach(NODE, 'tcp', '127.0.0.1', 8080)).toBe('10.85.0.1');
    serve(b, 'tcp', 81);
    expect(await reach(a, 'tcp', '10.85.0.3', 81)).toBe('10.85.0.2');
    expect(restore().stdout).toBe('');
    for (const one of both) {
      await runtime().check(config, one);
    }
  });
  const hostEnd = () =>
    String(ipJson('link', 'show', 'type', 'veth').find(({ master }) => master === 'back0')!.ifname);

  const restoreReadOnly = () => {
    const command = `mount -o remount,ro,bind /proc/sys && exec ${bin}/cnikit restore --cache-dir ${cacheDir()}`;
    const argv = ['-m', 'sh', '-c', `mount --bind /proc/sys /proc/sys && ${command}`];
    return sys.run(['unshare', ...argv], { env: { PATH } });
  };

  test('cnikit restore recreates the bridge beside a routed pod with a read-only /proc/sys', async () => {
    const [old, routed] = [here.pod(), here.pod()];
    await runtime().add(list({ ipMasq: false }), attachment('old', old));
    await runtime().add(list({ layout: 'routed', ipMasq: false }), attachment('routed', routed));
    run('ip', 'link', 'del', 'back0');
    const done = restoreReadOnly();
    expect([done.status, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toBe('Restored bridge, port, gateway of net/old/eth0\n');
    expect(run('ip', '-6', 'neighbour', 'show', 'proxy')).toContain('fd85::3 dev back0');
    // The kernel has no way to set proxy_ndp but /proc/sys: the next ADD does.
    await runtime().add(list({ layout: 'routed', ipMasq: false }), attachment('next', here.pod()));
    for (const to of ['10.85.0.3', 'fd85::3']) {
      await vi.waitFor(() => old.run('ping', '-c', '1', '-w', '30', to), { timeout: 30_000 });
    }
  });

  test('restore() needs no writable /proc/sys, which containers lack', async () => {
    const pod = here.pod();
    await runtime().add(list(), attachment('a', pod, PORTS));
    serveAll(pod);
    run('ip', 'link', 'del', 'back0');
    flushRuleset();
    const done = restoreReadOnly();
    expect([done.status, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toContain('Restored bridge, port, gateway, masquerade, host ports of net/a/eth0');
    await expectConnections();
    expect(await reach(NODE, 'tcp', '127.0.0.1', 8080)).toBe('10.85.0.1');
  });

  test('restore() leaves a port that an administrator moved to another bridge', async () => {
    await runtime().add(list(), attachment('a', here.pod()));
    run('ip', 'link', 'add', 'other0', 'type', 'bridge');
    const end = hostEnd();
    run('ip', 'link', 'set', end, 'master', 'other0');
    expect(restore()).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(ipJson('link', 'show', end)[0]!.master).toBe('other0');
  });

  test.skipIf(process.env.CNIKIT_FULL_KERNEL !== '1')(
    'it makes the VLANs of a bridge and its ports again on a full kernel',
    async () => {
      const config = list({ vlan: 7, ipMasq: false });
      const one = attachment('a', here.pod());
      await runtime().add(config, one);
      const vlans = () => run('bridge', 'vlan', 'show').split('\n').sort();
      const before = vlans();
      run('ip', 'link', 'del', 'back0');
      expect(restore()).toMatchObject({ status: 0, stderr: '' });
      expect(vlans()).toEqual(before);
      await runtime().check(config, one);
    },
  );

  test('restore() changes nothing without records, and passes over those that it cannot read', async () => {
    expect(restore()).toEqual({ status: 0, stdout: '', stderr: '' });
    mkdirSync(`${cacheDir()}/results/directory`, { recursive: true });
    await runtime().add(list(), attachment('a', here.pod()));
    const [name] = readdirSync(`${cacheDir()}/results`).filter((file) => file.startsWith('net-'));
    const text = readFileSync(`${cacheDir()}/results/${name}`, 'utf8');
    for (const [file, content] of [
      ['empty', ''],
      ['half', text.slice(0, 100)],
      ['other', '{"kind":"other"}'],
    ] as const) {
      nodeRuntimeIo().writeText(`${cacheDir()}/results/${file}`, content);
    }
    flushRuleset();
    expect(restore()).toEqual({ status: 0, stdout: 'Restored masquerade of net/a/eth0\n', stderr: '' });
  });

  test('restore() may run beside itself and beside pods that start and end', async () => {
    const pods = ['a', 'b', 'c', 'd'].map((id) => attachment(id, here.pod(), id === 'a' ? PORTS : []));
    for (const one of pods.slice(0, 2)) {
      await runtime().add(list(), one);
    }
    flushRuleset();
    const many = ['', '', ''].map(
      () =>
        new Promise<number | null>((resolve) =>
          spawn(`${bin}/cnikit`, ['restore', '--cache-dir', cacheDir()], { env: { PATH } }).on(
            'close',
            resolve,
          ),
        ),
    );
    const others = [
      runtime().del(list(), pods[1]!),
      runtime().add(list(), pods[2]!),
      runtime().add(list(), pods[3]!),
    ];
    expect(await Promise.all(many)).toEqual([0, 0, 0]);
    await Promise.all(others);
    restore();
    for (const one of [pods[0]!, pods[2]!, pods[3]!]) {
      await runtime().check(list(), one);
      await runtime().del(list(), one);
    }
    expect(ruleset()).not.toMatch(/10\.85\.|fd85:|hostports/);
  });

  test.each([[['--cache-dir']], [['now']], [['--json', 'x']]])(
    'restore() refuses the arguments %j',
    (args) => {
      const argv = ['restore', ...args];
      const { status, stderr } = cnikit(argv);
      expect(status).toBe(2);
      expect(stderr).toMatch(/^Unknown arguments: .*\n\nUsage: cnikit restore /);
    },
  );
});
