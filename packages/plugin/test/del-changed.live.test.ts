/** DEL with a configuration that has changed, become invalid or contradicts itself since ADD. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import type { Pod } from './namespaces.ts';
import { flushRuleset, ruleset } from './nat-state.ts';
import { nodeStateIn } from './node-state.ts';
import { scratch } from './scratch.ts';

const PATH = process.env.PATH ?? '';
const PORTS = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
const NOBODY = { path: '' };

describe.skipIf(!inSandbox).each(invokers)(
  'DEL with a changed configuration by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    beforeEach(() => flushRuleset());
    afterEach(() => flushRuleset());
    const conf = (type: string) => ({
      cniVersion: '1.1.0',
      name: 'net',
      type,
      bridge: 'chg0',
      isGateway: true,
      ipMasq: true,
      ipam: { type: 'host-local', dataDir: here.dir, ranges: [[{ subnet: '10.87.0.0/24' }]] },
      dataDir: `${here.dir}/tuning`,
    });
    const call = (
      command: string,
      type: string,
      id: string,
      at: Pick<Pod, 'path'>,
      changes: object = {},
      args = '',
    ) => invoke({ ...env(command, id, at, { PATH }), CNI_ARGS: args }, { ...conf(type), ...changes }, type);
    /** State of attachment c1 on the node. */
    const left = () =>
      nodeStateIn(here.dir).filter((line) =>
        /veth|bwp|inet cnikit|\bc1[ :_/]|CNI-DN-|CNI-[0-9a-f]{8}|cni-br-/.test(line),
      );

    const everywhere: [what: string, changes: object][] = [
      ['an mtu of -1', { mtu: -1 }],
      ['a text as mtu', { mtu: '1500' }],
      ['an unknown ipMasqBackend', { ipMasqBackend: 'ipfw' }],
      ['a number as ipMasqBackend', { ipMasqBackend: 7 }],
      ['a text as ipMasq', { ipMasq: 'yes' }],
      ['a text as dns', { dns: '10.0.0.1' }],
      ['a list as runtimeConfig', { runtimeConfig: [] }],
      [
        'invalid capability arguments',
        { runtimeConfig: { mac: 'x', ips: ['x'], portMappings: 1, bandwidth: 'x' } },
      ],
      ['a number in capabilities', { capabilities: { portMappings: 1 } }],
      ['a number as prevResult', { prevResult: 7 }],
      ['an invalid log', { log: 7 }],
    ];
    const ranges = (...all: object[]) => ({ ipam: { type: 'host-local', dataDir: '', ranges: all } });
    const ofIpam: [what: string, changes: { ipam: object; cniVersion?: string }][] = [
      ['no range', ranges()],
      ['a range without subnet', ranges([{}])],
      ['a gateway outside of its subnet', ranges([{ subnet: '10.87.0.0/24', gateway: '10.1.1.1' }])],
      [
        'a reversed range',
        ranges([{ subnet: '10.87.0.0/24', rangeStart: '10.87.0.9', rangeEnd: '10.87.0.2' }]),
      ],
      ['overlapping ranges', ranges([{ subnet: '10.87.0.0/24' }], [{ subnet: '10.87.0.0/16' }])],
      ['an invalid route', { ipam: { type: 'host-local', subnet: '10.87.0.0/24', routes: [{ dst: 'x' }] } }],
      ['a number as resolvConf', { ipam: { type: 'host-local', subnet: '10.87.0.0/24', resolvConf: 7 } }],
      [
        'several addresses of a family in CNI 0.2.0',
        { cniVersion: '0.2.0', ...ranges([{ subnet: '10.87.0.0/24' }], [{ subnet: '10.86.0.0/24' }]) },
      ],
    ];
    const ofBridge: [what: string, changes: object][] = [
      ['hairpinMode beside promiscMode', { hairpinMode: true, promiscMode: true }],
      ['disableContainerInterface beside ipam', { disableContainerInterface: true }],
      ['an invalid bridge name', { bridge: 'a/b' }],
      ['a reversed vlanTrunk', { vlanTrunk: [{ minID: 9, maxID: 2 }] }],
      ['a vlan of 5000', { vlan: 5000 }],
    ];
    const ofFeatures: [what: string, changes: object][] = [
      ['markMasqBit beside externalSetMarkChain', { markMasqBit: 3, externalSetMarkChain: 'X' }],
      ['an unknown portmap backend', { backend: 'ipfw' }],
      ['conditions for two backends', { conditionsV4: ['-s', '1.2.3.4'], conditionsV6: ['ip6', 'saddr'] }],
      ['a rate without burst', { ingressRate: 5 }],
      ['a text as hostSysctls', { hostSysctls: 'x' }],
    ];
    test.each([
      ['bridge', [...everywhere, ...ofIpam, ...ofBridge]],
      ['ptp', [...everywhere, ...ofIpam]],
      ['cnikit', [...everywhere, ...ofIpam, ...ofBridge, ...ofFeatures]],
      ['host-local', ofIpam],
    ])('%s DEL and GC end a pod although the configuration has become invalid', (type, cases) => {
      const made = here.pod();
      for (const [what, changes] of cases) {
        const { ipam } = changes as { ipam?: object };
        const given = { ...changes, ...(ipam && { ipam: { ...ipam, dataDir: here.dir } }) };
        const { json } = ok(call('ADD', type, 'c1', made, { runtimeConfig: { portMappings: PORTS } }));
        ok(call('DEL', type, 'c1', made, { prevResult: json, ...given }));
        expect(left(), `DEL with ${what}`).toEqual([]);
        ok(call('ADD', type, 'c1', made, { runtimeConfig: { portMappings: PORTS } }));
        ok(call('GC', type, '', NOBODY, { ...given, cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] }));
        expect(left(), `GC with ${what}`).toEqual([]);
      }
    });

    test.each(['bridge', 'ptp', 'cnikit', 'host-local', 'tuning', 'portmap', 'bandwidth', 'loopback'])(
      '%s DEL ignores CNI_ARGS that it does not know',
      (type) => {
        ok(call('DEL', type, 'c1', NOBODY, {}, 'IP=nowhere;FROB;X=1'));
      },
    );

    test.each([
      ['a number as dataDir', { dataDir: 7 }, 'dataDir'],
      ['a text as ipam', 'host-local', 'ipam'],
    ])('bridge DEL names %s, which it needs to free the address', (_what, ipam, name) => {
      const given = typeof ipam === 'string' ? ipam : { type: 'host-local', ...ipam };
      expect(call('DEL', 'bridge', 'c1', NOBODY, { ipam: given }).stdout).toContain(name);
    });

    test.each([
      ['mtu', { mtu: -1 }],
      ['sysctl', { sysctl: 7 }],
      ['args.cni', { args: { cni: { mac: 7 } } }],
    ])('tuning DEL removes its backup although %s has become invalid', (_what, changes) => {
      const made = here.pod();
      const prevResult = ok(call('ADD', 'bridge', 'c1', made)).json;
      ok(call('ADD', 'tuning', 'c1', made, { prevResult, mtu: 1400 }));
      expect(left().join()).toContain('tuning/c1_eth0.json');
      ok(call('DEL', 'tuning', 'c1', made, changes));
      expect(left().join()).not.toContain('tuning/c1_eth0.json');
    });

    test('tuning DEL names an invalid dataDir, which it needs', () => {
      fails(call('DEL', 'tuning', 'c1', NOBODY, { dataDir: 7 }), 7, /tuning/);
    });

    test('portmap DEL removes rules although its configuration contradicts itself', () => {
      const made = here.pod();
      const prevResult = ok(call('ADD', 'bridge', 'c1', made, { ipMasq: false })).json;
      for (const changes of [
        { markMasqBit: 3, externalSetMarkChain: 'X' },
        { backend: 'ipfw' },
        { snat: 7 },
      ]) {
        ok(call('ADD', 'portmap', 'c1', made, { prevResult, runtimeConfig: { portMappings: PORTS } }));
        ok(call('DEL', 'portmap', 'c1', made, changes));
        expect(left().join()).not.toMatch(/nft/);
      }
    });

    test('cnikit DEL removes ports, limits and MAC checks that the configuration had at ADD only', () => {
      for (const backend of ['nftables', 'iptables', undefined]) {
        const made = here.pod();
        const limits = { ingressRate: 8000, ingressBurst: 80_000, egressRate: 8000, egressBurst: 80_000 };
        const runtimeConfig = { portMappings: PORTS };
        ok(call('ADD', 'cnikit', 'c1', made, { ...limits, runtimeConfig, backend, macspoofchk: true }));
        expect(left().join()).toMatch(/bwp.*cni-br-/s);
        ok(call('DEL', 'cnikit', 'c1', made, { ipMasq: false }));
        expect(left()).toEqual([]);
      }
    });

    test('bridge DEL removes rules of macspoofchk when it has been switched off since ADD', () => {
      const made = here.pod();
      ok(call('ADD', 'bridge', 'c1', made, { macspoofchk: true }));
      expect(ruleset()).toContain('cni-br-iface-c1-eth0');
      ok(call('DEL', 'bridge', 'c1', made));
      expect(left()).toEqual([]);
    });

    test('ptp DEL and GC remove rules of macspoofchk of a pod that bridge added', () => {
      const made = here.pod();
      const list = { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] };
      for (const end of [() => call('DEL', 'ptp', 'c1', made), () => call('GC', 'ptp', '', NOBODY, list)]) {
        ok(call('ADD', 'bridge', 'c1', made, { macspoofchk: true }));
        expect(ruleset()).toContain('cni-br-iface-c1-eth0');
        ok(end());
        expect(left()).toEqual([]);
      }
    });
  },
);
