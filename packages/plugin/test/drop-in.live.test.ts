/** Switching a node between the upstream plugins and cnikit: each side deletes pods that the other created. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { parseConfigList, Runtime } from '@cnikit/cni-spec/runtime';
import { openRtnetlink } from '@cnikit/netlink';
import { openNftables } from '@cnikit/netlink/nftables';
import { sys } from '@cnikit/sys';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { upstreamPluginsOfRun } from '../../../upstream-plugins.ts';
import { executablePath } from '../src/executable-path.ts';
import { plugins } from '../src/plugins/index.ts';
import { env, inSandbox, ok } from './harness.ts';
import { byExec } from './invoke.ts';
import { hostVeths, linkNames, type Pod } from './namespaces.ts';
import { flushRuleset } from './nat-state.ts';
import { nftState } from './node-state.ts';
import { runtimeIo } from './runtime.ts';
import { scratch } from './scratch.ts';

const LIMITS = { ingressRate: 8000, ingressBurst: 80_000, egressRate: 8000, egressBurst: 80_000 };
const HOST_PORT = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };

/** Plugin lists, and the runtime's capability arguments for them. */
const lists: Record<string, { plugins: { type: string }[]; capabilityArgs?: Record<string, unknown> }> = {
  bridge: { plugins: [{ type: 'bridge' }] },
  ptp: { plugins: [{ type: 'ptp' }] },
  loopback: { plugins: [{ type: 'loopback' }] },
  'bridge, tuning': {
    plugins: [
      { type: 'bridge' },
      { type: 'tuning', ...{ mtu: 1400, sysctl: { 'net.core.somaxconn': '7' } } },
    ],
  },
  'bridge, bandwidth': { plugins: [{ type: 'bridge' }, { type: 'bandwidth', ...LIMITS }] },
  'ptp, bandwidth': { plugins: [{ type: 'ptp' }, { type: 'bandwidth', ...LIMITS }] },
  'bridge with ipMasq': { plugins: [{ type: 'bridge', ...{ ipMasq: true } }] },
  'ptp with ipMasq': { plugins: [{ type: 'ptp', ...{ ipMasq: true } }] },
  'bridge with ipMasq by iptables': {
    plugins: [{ type: 'bridge', ...{ ipMasq: true, ipMasqBackend: 'iptables' } }],
  },
  'bridge with ipMasq by nftables': {
    plugins: [{ type: 'bridge', ...{ ipMasq: true, ipMasqBackend: 'nftables' } }],
  },
  'ptp with ipMasq by nftables': {
    plugins: [{ type: 'ptp', ...{ ipMasq: true, ipMasqBackend: 'nftables' } }],
  },
  'bridge, portmap by nftables': {
    plugins: [
      { type: 'bridge' },
      { type: 'portmap', ...{ backend: 'nftables', capabilities: { portMappings: true } } },
    ],
    capabilityArgs: HOST_PORT,
  },
  'bridge with macspoofchk': { plugins: [{ type: 'bridge', ...{ macspoofchk: true } }] },
  'bridge, portmap': {
    plugins: [{ type: 'bridge' }, { type: 'portmap', ...{ capabilities: { portMappings: true } } }],
    capabilityArgs: HOST_PORT,
  },
  'bridge, portmap by iptables': {
    plugins: [
      { type: 'bridge' },
      { type: 'portmap', ...{ backend: 'iptables', capabilities: { portMappings: true } } },
    ],
    capabilityArgs: HOST_PORT,
  },
};

/** Matches an address of a pod, or the subnet. */
const POD_ADDRESS = /\b10\.92\.0\b/;

/** Matches what DEL of the upstream plugins leaves of a pod of cnikit. */
function leakedByUpstream(title: string, withoutNamespace: boolean): RegExp | undefined {
  // It looks for the backup only when the namespace exists.
  if (title.includes('tuning')) {
    return withoutNamespace ? /^c1_eth0\.json$/ : undefined;
  }
  if (title.endsWith('portmap')) {
    return POD_ADDRESS;
  }
  if (!title.includes('ipMasq')) {
    return undefined;
  }
  // It does not know cnikit's nftables tables, and does not find its own chains without the namespace.
  return title.endsWith('ipMasq') || withoutNamespace ? POD_ADDRESS : undefined;
}

const ours = plugins(sys);

describe.skipIf(!inSandbox).each(upstreamPluginsOfRun())(
  'switching between upstream $version and cnikit (needs the sandbox: run npm test at the root)',
  ({ dir, version }) => {
    const names = [...ours.keys()].filter((name) => existsSync(`${dir}/${name}`));
    const servedByBoth = Object.entries(lists).filter(
      ([title, { plugins: all }]) =>
        all.every(({ type }) => names.includes(type)) &&
        // From 1.7 on.
        !(title.includes('nftables') && version.startsWith('1.1.')),
    );
    /** From 1.7 on, DEL passes when the chain of the pod is missing. */
    const failsWithoutChain = version.startsWith('1.1.');
    const here = scratch();
    let bin: string;
    beforeAll(() => {
      bin = mkdtempSync('/run/cnikit-bin-');
      mkdirSync(`${bin}/ours`);
      copyFileSync(executablePath(), `${bin}/ours/cnikit`);
      for (const name of names) {
        symlinkSync('cnikit', `${bin}/ours/${name}`);
      }
    });
    afterAll(() => rmSync(bin, { recursive: true }));

    const runtime = (path: string) =>
      new Runtime({ io: runtimeIo(), path: [path], cacheDir: `${bin}/cache` });
    const sides = { upstream: () => runtime(dir), cnikit: () => runtime(`${bin}/ours`) };
    type Side = keyof typeof sides;
    /** Everything that a plugin can leave on the node. */
    const left = () => [
      ...linkNames().filter((name) => name !== 'lo' && name !== 'drop0'),
      ...(existsSync(`${here.dir}/net`)
        ? readdirSync(`${here.dir}/net`).filter((name) => /^10\./.test(name))
        : []),
      ...(existsSync('/run/cni/tuning') ? readdirSync('/run/cni/tuning') : []),
      ...rules().filter((line) => POD_ADDRESS.test(line)),
      ...routes(),
    ];
    const rules = () => {
      using nft = openNftables();
      return nftState(nft);
    };
    const routes = () => {
      using route = openRtnetlink();
      const bridge = route.link({ name: 'drop0' })?.index;
      return route
        .routes({ family: 'ipv4' })
        .filter(({ table, oif }) => table === 'main' && oif !== bridge)
        .map(({ dst }) => `route ${dst}`);
    };
    const ipam = () => ({ type: 'host-local', dataDir: here.dir, subnet: '10.92.0.0/24' });
    const fields = ({ type }: { type: string }) => {
      if (type === 'bridge') {
        return { bridge: 'drop0', isDefaultGateway: true, ipam: ipam() };
      }
      return type === 'ptp' ? { ipam: { ...ipam(), routes: [{ dst: '0.0.0.0/0' }] } } : {};
    };
    const list = (types: { type: string }[]) =>
      parseConfigList(
        JSON.stringify({
          cniVersion: '1.0.0',
          name: 'net',
          plugins: types.map((type) => ({ ...type, ...fields(type) })),
        }),
      );

    const directions: [Side, Side][] = [
      ['upstream', 'cnikit'],
      ['cnikit', 'upstream'],
    ];
    /** The pod's state at DEL: a runtime that was stopped has neither namespace nor result. */
    const remains: [string, (pod: Pod) => Promise<void>][] = [
      ['', async () => undefined],
      [
        ' whose namespace is gone',
        async (pod) => {
          pod.remove();
          // The kernel removes the links of a deleted namespace asynchronously.
          while (hostVeths().length > 0) {
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
        },
      ],
    ];
    for (const [title, { plugins: types, capabilityArgs = {} }] of servedByBoth) {
      for (const [made, deleted] of directions) {
        test.each(remains)(`${title}: ${deleted} deletes a pod of ${made}%s`, async (what, happen) => {
          const conf = list(types);
          const pod = here.pod();
          const attachment = {
            containerID: 'c1',
            netns: pod.path,
            ifName: title === 'loopback' ? 'lo' : 'eth0',
            capabilityArgs,
          };
          await sides[made]().add(conf, attachment);
          if (title !== 'loopback') {
            expect(left()).not.toEqual([]);
          }
          await happen(pod);
          const del = (side: Side) => sides[side]().del(conf, attachment);
          // docs/drop-in.md documents this.
          if (deleted === 'upstream' && title.endsWith('ipMasq') && what === '') {
            if (failsWithoutChain) {
              await expect(del('upstream')).rejects.toThrow(/iptables/);
            } else {
              await del('upstream');
              expect(left()).not.toEqual([]);
            }
            await del('cnikit');
            expect(left()).toEqual([]);
            return;
          }
          for (let i = 0; i < 2; i++) {
            await del(deleted);
          }
          const leaked = deleted === 'upstream' ? leakedByUpstream(title, what !== '') : undefined;
          expect(left().filter((one) => leaked === undefined || !leaked.test(one))).toEqual([]);
          expect(left().length > 0).toBe(leaked !== undefined);
          flushRuleset();
          rmSync('/run/cni', { recursive: true, force: true });
        });
      }
    }

    for (const [title, { plugins: types, capabilityArgs = {} }] of servedByBoth) {
      for (const [made, checker] of directions) {
        // Upstream does not know cnikit's table of ports, and 1.1.1 refuses its own IPv4-only pods.
        const knows = !(
          checker === 'upstream' &&
          (title.endsWith(' portmap') || (failsWithoutChain && title.includes('portmap')))
        );
        test.skipIf(!knows)(`${title}: ${checker} checks a pod of ${made}`, async () => {
          const conf = list(types);
          const attachment = {
            containerID: 'c1',
            netns: here.pod().path,
            ifName: title === 'loopback' ? 'lo' : 'eth0',
            capabilityArgs,
          };
          await sides[made]().add(conf, attachment);
          await sides[checker]().check(conf, attachment);
          // The pod has one form of rules, and the configuration may name another backend now.
          if (checker === 'cnikit' && /ipMasq|portmap/.test(title)) {
            for (const backend of [undefined, 'nftables', 'iptables']) {
              const others = types.map((type) => ({ ...type, ipMasqBackend: backend, backend }));
              await sides.cnikit().check(list(others), attachment);
            }
            flushRuleset();
            await expect(sides.cnikit().check(conf, attachment)).rejects.toThrow(
              /is not masqueraded|is missing in the nat table|does not lead to the container/,
            );
          }
          await sides.cnikit().del(conf, attachment);
          flushRuleset();
          rmSync('/run/cni', { recursive: true, force: true });
        });
      }
    }

    test.each(['GC', 'DEL of another pod', 'ADD'])(
      'the index of a pod of cnikit that upstream deleted is gone after the next %s',
      async (what) => {
        const conf = list([{ type: 'bridge' }]);
        const attach = (containerID: string) => ({ containerID, netns: here.pod().path, ifName: 'eth0' });
        const [gone, kept] = [attach('gone'), attach('kept')];
        for (const one of [gone, kept]) {
          await sides.cnikit().add(conf, one);
        }
        await sides.upstream().del(conf, gone);
        const index = () => readdirSync(`${here.dir}/.cnikit/net`).filter((name) => !name.startsWith('.'));
        expect(index().sort()).toEqual(['gone:eth0', 'kept:eth0']);
        if (what === 'GC') {
          const valid = { 'cni.dev/valid-attachments': [{ containerID: 'kept', ifname: 'eth0' }] };
          const gc = {
            cniVersion: '1.1.0',
            name: 'net',
            type: 'bridge',
            ...fields({ type: 'bridge' }),
            ...valid,
          };
          ok(byExec(env('GC', '', { path: '' }), gc, 'bridge'));
          expect(index()).toEqual(['kept:eth0']);
        } else if (what === 'ADD') {
          const again = await sides.cnikit().add(conf, gone);
          expect(again.ips?.[0]?.address).toBe('10.92.0.4/24');
          expect(readdirSync(`${here.dir}/.cnikit/net/gone:eth0`)).toEqual(['10.92.0.4']);
        } else {
          await sides.cnikit().del(conf, kept);
          expect(index()).toEqual([]);
        }
      },
    );

    test('upstream and cnikit never allocate an address of the other side', async () => {
      const conf = list([{ type: 'bridge' }]);
      const add = async (side: Side, containerID: string) => {
        const result = await sides[side]().add(conf, { containerID, netns: here.pod().path, ifName: 'eth0' });
        return result.ips?.[0]?.address;
      };
      const allocated = [await add('upstream', 'a'), await add('cnikit', 'b'), await add('upstream', 'c')];
      expect(allocated).toEqual(['10.92.0.2/24', '10.92.0.3/24', '10.92.0.4/24']);
    });
  },
);
