/** ipMasq of bridge and ptp: packets that leave the pods' subnets get the node's address, with either backend. */
import { existsSync } from 'node:fs';
import { openNftables } from '@cnikit/netlink/nftables';
import { SysError, sys } from '@cnikit/sys';
import { describe, expect, onTestFinished, test } from 'vitest';
import { upstreamPlugins } from '../../../upstream-plugins.ts';
import { hostVethName } from '../src/links/names.ts';
import { masqueradeChange } from '../src/nat/masquerade-nftables.ts';
import { masqueradeRemoval } from '../src/nat/masquerade-removal.ts';
import { tablesOf } from '../src/nat/nftables.ts';
import { commitTogether } from '../src/nat/transaction.ts';
import { pluginFor, plugins } from '../src/plugins/index.ts';
import { concurrentAdds } from './concurrent.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { type Pod, run } from './namespaces.ts';
import { flushRuleset, iptablesOf, ruleset } from './nat-state.ts';
import { withOutside } from './outside.ts';
import { scratch } from './scratch.ts';
import { reach, serve } from './traffic.ts';

const PATH = process.env.PATH ?? '';
/** Upstream has the backend nftables since 1.7. */
const hasNftables = upstreamPlugins()[0]?.version.startsWith('1.1.') === false;

describe.skipIf(!inSandbox).each(invokers)(
  'masquerading by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const { pod } = here;
    const outside = withOutside();
    const conf = (changes: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'bridge',
      bridge: 'masq0',
      isDefaultGateway: true,
      ipMasq: true,
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.90.0.0/24' }], [{ subnet: 'fd90::/64' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
      },
      ...changes,
    });
    const call = (
      command: string,
      id: string,
      at: Pick<Pod, 'path'>,
      changes: object = {},
      type = 'bridge',
    ) => invoke(env(command, id, at, { PATH }), conf({ type, ...changes }), type);

    test.each([
      ['bridge', undefined],
      ['bridge', 'nftables'],
      ['bridge', 'iptables'],
      ['ptp', undefined],
      ['ptp', 'iptables'],
      ['cnikit', undefined],
    ])('%s with backend %s masquerades pods until DEL and leaves nothing', async (type, backend) => {
      const changes = backend === undefined ? {} : { ipMasqBackend: backend };
      serve(outside, 'tcp', 80);
      const made = pod();
      const { json } = ok(call('ADD', 'c1', made, changes, type));
      expect(await reach(made, 'tcp', outside.ipv4, 80)).toBe(outside.node4);
      expect(await reach(made, 'tcp', outside.ipv6, 80)).toBe(outside.node6);
      ok(call('CHECK', 'c1', made, { ...changes, prevResult: json }, type));
      for (let i = 0; i < 2; i++) {
        ok(call('DEL', 'c1', made, { ...changes, prevResult: json }, type));
      }
      expect(ruleset()).toBe('');
    });

    // An IPsec tunnel has such exemptions. docs/drop-in.md names the backend that they need.
    test.each([
      [undefined, 'masquerades despite'],
      ['nftables', 'masquerades despite'],
      ['iptables', 'honours'],
    ])('ipMasq with backend %s %s an ACCEPT in iptables’ POSTROUTING', async (ipMasqBackend, does) => {
      const made = pod();
      run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-d', outside.ipv4, '-j', 'ACCEPT');
      run('ip6tables', '-t', 'nat', '-A', 'POSTROUTING', '-d', outside.ipv6, '-j', 'ACCEPT');
      run('ip', '-n', outside.name, 'route', 'add', '10.90.0.0/24', 'via', outside.node4);
      run('ip', '-n', outside.name, 'route', 'add', 'fd90::/64', 'via', outside.node6);
      serve(outside, 'tcp', 80);
      ok(call('ADD', 'c1', made, { ipMasqBackend }));
      const isExempt = does === 'honours';
      expect(await reach(made, 'tcp', outside.ipv4, 80)).toBe(isExempt ? '10.90.0.2' : outside.node4);
      expect(await reach(made, 'tcp', outside.ipv6, 80)).toBe(isExempt ? 'fd90::2' : outside.node6);
      ok(call('DEL', 'c1', made));
    });

    test('ptp with ipMasq keeps pod addresses within the subnet', async () => {
      const [a, b] = [pod(), pod()];
      const [one, two] = [ok(call('ADD', 'a', a, {}, 'ptp')).json, ok(call('ADD', 'b', b, {}, 'ptp')).json];
      serve(b, 'tcp', 80);
      for (const i of [0, 1]) {
        const of = (result: { ips: { address: string }[] }) => result.ips[i]?.address.split('/')[0] as string;
        expect(await reach(a, 'tcp', of(two), 80)).toBe(of(one));
      }
    });

    test('ipMasq with nftables has an element per pod and a chain per subnet, removed with the last pod', () => {
      const [a, b] = [pod(), pod()];
      ok(call('ADD', 'a', a));
      ok(call('ADD', 'b', b));
      const rules = ruleset().replaceAll(/\s+/g, ' ');
      for (const [version, address, multicast, first, second, subnet] of [
        ['ip', 'pods4', '224.0.0.0/4', '10.90.0.2', '10.90.0.3', '10.90.0.0/24'],
        ['ip6', 'pods6', 'ff00::/8', 'fd90::2', 'fd90::3', 'fd90::/64'],
      ] as const) {
        const chain = `subnet-${subnet.replaceAll(':', '_')}`;
        const element = (of: string, id: string) => `${of} comment "net/${id}/eth0" : goto ${chain}`;
        expect(rules).toContain(`elements = { ${element(first, 'a')}, ${element(second, 'b')} }`);
        expect(rules).toContain(`${version} saddr vmap @${address}`);
        expect(rules).toContain(
          `chain ${chain} { ${version} daddr ${subnet} accept ${version} daddr ${multicast} accept masquerade }`,
        );
      }
      ok(call('DEL', 'a', a));
      const left = ruleset();
      expect(left).not.toContain('10.90.0.2 ');
      expect(left).toContain('10.90.0.3 comment "net/b/eth0" : goto subnet-10.90.0.0/24');
      ok(call('DEL', 'b', b));
      expect(ruleset()).toBe('');
    });

    test('ipMasq with nftables makes the chain of a second subnet, of many addresses or of one', () => {
      const type = 'ptp';
      const in91 = {
        ipam: { type: 'host-local', dataDir: here.dir, ranges: [[{ subnet: '10.91.0.0/24' }]] },
      };
      const [a, b] = [pod(), pod()];
      ok(call('ADD', 'a', a, {}, type));
      ok(call('ADD', 'b', b, in91, type));
      expect(ruleset()).toContain('10.91.0.2 comment "net/b/eth0" : goto subnet-10.91.0.0/24');
      using nft = openNftables();
      const owner = { network: 'net', containerID: 'c', ifName: 'eth0' };
      const alone = masqueradeChange(owner, ['10.92.0.2/32']);
      const [use] = nft.chainUses(alone.chains ?? []);
      // The first attempt succeeds: another one costs a grace period.
      nft.commit(alone.requests(nft, 1, [use]));
      expect(ruleset()).toContain('10.92.0.2 comment "net/c/eth0" : goto subnet-10.92.0.2/32');
      commitTogether(nft, masqueradeRemoval(tablesOf(nft), owner, ['10.92.0.2/32']));
      ok(call('DEL', 'b', b, in91, type));
      ok(call('DEL', 'a', a, {}, type));
      expect(ruleset()).toBe('');
    });

    test.each([undefined, 'nftables', 'iptables'])(
      'bridge DEL removes masquerading by %s without namespace and result',
      (ipMasqBackend) => {
        ok(call('ADD', 'c1', pod(), { ipMasqBackend }));
        expect(ruleset()).not.toBe('');
        ok(call('DEL', 'c1', { path: '' }, { ipMasqBackend }));
        expect(ruleset()).toBe('');
      },
    );

    test('bridge DEL removes masquerading of a pod whose reservations are gone', () => {
      ok(call('ADD', 'c1', pod()));
      const ipam = { type: 'host-local', dataDir: `${here.dir}/other`, subnet: '10.90.0.0/24' };
      ok(call('DEL', 'c1', { path: '' }, { ipam }));
      expect(ruleset()).toBe('');
    });

    test('bridge DEL keeps masquerading of another attachment that now holds the address', () => {
      const { json } = ok(call('ADD', 'old', pod()));
      ok(call('DEL', 'old', { path: '' }));
      const ips = { runtimeConfig: { ips: ['10.90.0.2', 'fd90::2'] } };
      ok(call('ADD', 'new', pod(), ips));
      const before = ruleset();
      ok(call('DEL', 'old', { path: '' }, { prevResult: json }));
      expect(ruleset()).toBe(before);
    });

    test('bridge ADD takes over masquerading of an address whose owner was never deleted', () => {
      ok(call('ADD', 'lost', pod()));
      run('ip', 'link', 'del', hostVethName('net', 'lost', 'eth0'));
      run('rm', '-r', `${here.dir}/net`, `${here.dir}/.cnikit`);
      ok(call('ADD', 'new', pod()));
      expect(ruleset()).toContain('10.90.0.2 comment "net/new/eth0"');
      expect(ruleset()).not.toContain('net/lost');
    });

    test.each([undefined, 'nftables', 'iptables'])(
      'bridge GC removes masquerading by %s of unlisted attachments of its own network only',
      (ipMasqBackend) => {
        for (const id of ['keep', 'stale']) {
          ok(call('ADD', id, pod(), { ipMasqBackend }));
        }
        ok(
          call('ADD', 'foreign', pod(), {
            ipMasqBackend,
            name: 'other',
            bridge: 'masq1',
            ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.89.0.0/24' },
          }),
        );
        const all = () => [ruleset(), ...iptablesOf(/comment/)].join('\n');
        const valid = { 'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }] };
        expect(all()).toContain('stale');
        // The configuration no longer masquerades.
        ok(call('GC', '', { path: '' }, { cniVersion: '1.1.0', ipMasq: false, ...valid }));
        for (const id of ['keep', 'foreign']) {
          expect(all()).toContain(id);
        }
        expect(all()).not.toContain('stale');
        ok(call('GC', '', { path: '' }, { cniVersion: '1.1.0', 'cni.dev/valid-attachments': null }));
        ok(call('DEL', 'foreign', { path: '' }, { name: 'other' }));
        expect(ruleset()).toBe('');
      },
    );

    test('two networks with the same addresses masquerade independently', () => {
      const other = (changes: object = {}) => ({ name: 'other', bridge: 'masq1', ...changes });
      const [a, b] = [pod(), pod()];
      const one = ok(call('ADD', 'a', a)).json;
      const two = ok(call('ADD', 'b', b, other())).json;
      const checks = () => {
        ok(call('CHECK', 'a', a, { prevResult: one }));
        ok(call('CHECK', 'b', b, other({ prevResult: two })));
      };
      expect(ruleset().match(/10\.90\.0\.2 comment "[^"]*"/g)).toEqual([
        '10.90.0.2 comment "net/a/eth0"',
        '10.90.0.2 comment "other/b/eth0"',
      ]);
      checks();
      const valid = { 'cni.dev/valid-attachments': [{ containerID: 'a', ifname: 'eth0' }] };
      ok(call('GC', '', { path: '' }, { cniVersion: '1.1.0', ...valid }));
      checks();
      ok(call('DEL', 'b', b, other({ prevResult: two })));
      ok(call('CHECK', 'a', a, { prevResult: one }));
      ok(call('DEL', 'a', a, { prevResult: one }));
      expect(ruleset()).toBe('');
    });

    test('networks with long names have distinct tables', () => {
      const names = ['n'.repeat(90), `${'n'.repeat(89)}m`];
      for (const [i, name] of names.entries()) {
        ok(call('ADD', `c${i}`, pod(), { name, bridge: `masq${i}` }));
      }
      expect(ruleset().match(/table inet cnikit_masquerade__\w{12} /g)).toHaveLength(2);
      for (const [i, name] of names.entries()) {
        ok(call('DEL', `c${i}`, { path: '' }, { name }));
      }
      expect(ruleset()).toBe('');
    });

    test('bridge CHECK names missing masquerading', () => {
      const made = pod();
      const { json } = ok(call('ADD', 'c1', made));
      const check = () => call('CHECK', 'c1', made, { prevResult: json });
      run('nft', 'delete', 'element', 'inet', 'cnikit_masquerade_net', 'pods4', '{ 10.90.0.2 }');
      fails(check(), 999, /made: 10\.90\.0\.2\/24 is not masqueraded$/);
      run('nft', 'flush', 'chain', 'inet', 'cnikit_masquerade_net', 'subnet-fd90__/64');
      fails(check(), 999, /not masqueraded; rules are missing in chain subnet-fd90__\/64$/);
    });

    test('bridge DEL removes a pod’s rules from a flushed table, and with the last one the table', () => {
      const ids = ['c1', 'c2', 'c3', 'c4', 'c5'];
      for (const id of ids) {
        ok(call('ADD', id, pod()));
      }
      run('nft', 'flush', 'table', 'inet', 'cnikit_masquerade_net');
      for (const [i, id] of ids.entries()) {
        ok(call('DEL', id, { path: '' }));
        // Two families, and a comment in each line of a listing.
        expect(ruleset().match(/comment "net\//g)?.length ?? 0).toBe(2 * (ids.length - 1 - i));
      }
      expect(ruleset()).toBe('');
    });

    test.each([undefined, 'nftables', 'iptables'])(
      'bridge DEL removes rules by %s when ipMasq has been switched off since ADD',
      (ipMasqBackend) => {
        const made = pod();
        const prevResult = ok(call('ADD', 'c1', made, { ipMasqBackend })).json;
        ok(call('DEL', 'c1', made, { ipMasq: false, prevResult }));
        ok(call('ADD', 'c2', pod(), { ipMasqBackend }));
        ok(call('DEL', 'c2', { path: '' }, { ipMasq: false }));
        expect(ruleset()).toBe('');
      },
    );

    test('bridge ADD rejects an unknown ipMasqBackend', () => {
      fails(call('ADD', 'c1', pod(), { ipMasqBackend: 'ipfw' }), 7, /ipMasqBackend "ipfw"/);
    });

    test.skipIf(!existsSync(`${UPSTREAM_DIR}/bridge`))(
      'ipMasq with iptables creates the same rules as upstream',
      () => {
        const [ours, theirs] = [pod(), pod()];
        const saved = () => iptablesOf(/CNI-/);
        ok(call('ADD', 'c1', ours, { ipMasqBackend: 'iptables' }));
        const made = saved();
        ok(call('DEL', 'c1', ours));
        expect(saved()).toEqual([]);
        // Upstream fails when the default gateway and a route of IPAM have the same destination.
        const again = conf({ isDefaultGateway: false, runtimeConfig: { ips: ['10.90.0.2', 'fd90::2'] } });
        ok(runUpstream(env('ADD', 'c1', theirs, { PATH }), again, 'bridge'));
        expect(made).toEqual(saved());
        // DEL removes upstream's rules with any backend.
        ok(call('DEL', 'c1', { path: '' }));
        expect(saved()).toEqual([]);
      },
    );

    test.skipIf(!hasNftables).each([
      ['a short name', 'net', 'c1'],
      ['a comment that is cut', 'n'.repeat(60), 'c'.repeat(64)],
    ])('ipMasq with nftables creates the same rules as upstream, for %s', (_what, name, id) => {
      const more = { name, ipMasqBackend: 'nftables', isDefaultGateway: false };
      const made = pod();
      ok(call('ADD', id, made, more));
      const ours = ruleset();
      ok(call('DEL', id, made, more));
      expect(ruleset()).toBe('');
      const again = conf({ ...more, runtimeConfig: { ips: ['10.90.0.2', 'fd90::2'] } });
      const prevResult = ok(runUpstream(env('ADD', id, made, { PATH }), again, 'bridge')).json;
      expect(ours).toEqual(ruleset());
      ok(call('CHECK', id, made, { ...more, prevResult }));
      ok(call('DEL', id, made, more));
      expect(ruleset()).toBe('');
      // Upstream deletes a pod of cnikit.
      ok(call('ADD', id, made, more));
      ok(runUpstream(env('DEL', id, made, { PATH }), conf(more), 'bridge'));
      expect(ruleset()).toBe('');
    });

    test('bridge CHECK names what the nftables rules of upstream lack', () => {
      const made = pod();
      const more = { ipMasqBackend: 'nftables' };
      const { json } = ok(call('ADD', 'c1', made, more));
      const check = () => call('CHECK', 'c1', made, { ...more, prevResult: json });
      ok(check());
      run('nft', 'flush', 'chain', 'inet', 'cni_plugins_masquerade', 'postrouting');
      fails(check(), 999, /rules are missing in chain postrouting of table cni_plugins_masquerade$/);
      run('nft', 'flush', 'chain', 'inet', 'cni_plugins_masquerade', 'masq_checks');
      fails(check(), 999, /10\.90\.0\.2\/24 is not masqueraded; fd90::2\/64 is not masqueraded$/);
      // The next ADD repairs the shared chain.
      ok(call('ADD', 'c2', pod(), more));
      ok(call('DEL', 'c1', made, more));
      ok(call('DEL', 'c2', { path: '' }, more));
      expect(ruleset()).toBe('');
    });

    test('bridge DEL and GC remove nftables rules of upstream', () => {
      const hash = (text: string) => run('sh', '-c', `printf %s '${text}' | sha512sum`).slice(0, 16);
      const rule = (network: string, id: string) => {
        const comment = `${hash(network)}-${hash(`eth0:${id}`)}, net: ${network}, if: eth0, id: ${id}`;
        return `inet cni_plugins_masquerade masq_checks ip saddr 10.90.0.9 masquerade comment "${comment}"`;
      };
      run('nft', 'add table inet cni_plugins_masquerade; add chain inet cni_plugins_masquerade masq_checks');
      for (const [network, id] of [
        ['net', 'c1'],
        ['net', 'c2'],
        ['net', 'c3'],
        ['other', 'c1'],
      ] as const) {
        run('nft', `add rule ${rule(network, id)}`);
      }
      const left = () =>
        [...ruleset().matchAll(/net: (\w+), if: eth0, id: (\w+)/g)].map(([, ...one]) => one.join());
      ok(call('DEL', 'c1', { path: '' }));
      expect(left()).toEqual(['net,c2', 'net,c3', 'other,c1']);
      const valid = { 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] };
      ok(call('GC', '', { path: '' }, { cniVersion: '1.1.0', ...valid }));
      expect(left()).toEqual(['net,c2', 'other,c1']);
    });

    test('bridge DEL and GC remove rules of legacy iptables', () => {
      onTestFinished(() => {
        for (const program of ['iptables-legacy', 'ip6tables-legacy']) {
          run(program, '-t', 'nat', '-F');
          run(program, '-t', 'nat', '-X');
        }
      });
      const chain = iptablesChainOf('c1');
      for (const program of ['iptables-legacy', 'ip6tables-legacy']) {
        run(program, '-t', 'nat', '-N', chain);
        run(program, '-t', 'nat', '-A', chain, '-j', 'MASQUERADE');
        legacyJump(program, chain);
      }
      expect(iptablesOf(/CNI-/, 'legacy')).toHaveLength(6);
      ok(call('DEL', 'c1', { path: '' }));
      expect(iptablesOf(/CNI-/, 'legacy')).toEqual([]);
      run('iptables-legacy', '-t', 'nat', '-N', chain);
      legacyJump('iptables-legacy', chain);
      ok(call('GC', '', { path: '' }, { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] }));
      expect(iptablesOf(/CNI-/, 'legacy')).toEqual([]);
    });
  },
);

/** The chain's name as upstream derives it, by an independent hash. */
function iptablesChainOf(id: string): string {
  const hash = run('sh', '-c', `printf %s net${id} | sha512sum`).slice(0, 24);
  return `CNI-${hash}`;
}

describe.skipIf(!inSandbox)('a kernel without nftables (needs the sandbox: run npm test at the root)', () => {
  const here = scratch();
  test('ipMasq falls back to iptables when the kernel has no nftables', () => {
    const without = {
      ...sys,
      openNetlink(protocol: number, netns?: number) {
        if (protocol === 12) {
          throw new SysError({ syscall: 'openNetlink', errno: 93 });
        }
        return sys.openNetlink(protocol, netns);
      },
    };
    const call = (command: string, changes: object = {}) =>
      pluginFor(
        plugins(without),
        'bridge',
      )({
        env: env(command, 'c1', made, { PATH }),
        stdin: JSON.stringify({
          cniVersion: '1.0.0',
          name: 'net',
          bridge: 'masq0',
          ipMasq: true,
          ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.90.0.0/24' },
          ...changes,
        }),
      });
    const made = here.pod();
    expect(call('ADD', { ipMasqBackend: 'nftables' }).stdout).toMatch(/EPROTONOSUPPORT/);
    const { exitCode, stdout } = call('ADD');
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('10.90.0.')]);
    expect(iptablesOf(/-j CNI-/)).toHaveLength(1);
    flushRuleset();
  });
});

describe.skipIf(!inSandbox)(
  'masquerading and concurrency (needs the sandbox: run npm test at the root)',
  () => {
    test('concurrent ADDs with ipMasq have an element each, and the last DEL leaves nothing', async () => {
      let counted = 0;
      const addresses = await concurrentAdds(16, { ipMasq: true }, () => {
        counted = ruleset().match(/ comment "crowd\//g)?.length ?? 0;
      });
      expect([new Set(addresses).size, counted]).toEqual([16, 16]);
      expect(ruleset()).toBe('');
    });
  },
);

/** Adds the jump from POSTROUTING that upstream creates for container c1 of network net. */
function legacyJump(program: string, chain: string): void {
  const comment = ['-m', 'comment', '--comment', 'name: "net" id: "c1"'];
  run(program, '-t', 'nat', '-A', 'POSTROUTING', ...comment, '-j', chain);
}
