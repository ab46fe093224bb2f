/** Leftovers of upstream's portmap (nftables) and bandwidth: GC removes those that belong to a reservation of its network. */
import { describe, expect, test } from 'vitest';
import { ifbName } from '../src/links/ifb-name.ts';
import { env, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import { ipJson, run } from './namespaces.ts';
import { ruleset } from './nat-state.ts';
import { scratch } from './scratch.ts';

describe.skipIf(!inSandbox).each(invokers)(
  'leftovers of upstream, by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const call = (type: string, command: string, id: string, changes: object = {}) => {
      const ranges = [[{ subnet: '10.95.0.0/24' }], [{ subnet: 'fd95::/64' }]];
      const conf = {
        cniVersion: '1.1.0',
        name: 'net',
        type,
        ipam: { type: 'host-local', dataDir: here.dir, ranges },
      };
      return ok(invoke(env(command, id, { path: '/run/netns/none' }), { ...conf, ...changes }, type));
    };
    /** Rules that upstream's portmap creates for a mapping. */
    const portRules = (id: string, family: 'ip' | 'ip6', address: string) => {
      const at = family === 'ip' ? address : `[${address}]`;
      return [
        `hostports tcp dport 8080 dnat to ${at}:80`,
        `hostip_hostports tcp dport 8081 dnat to ${at}:80`,
        `masquerading ${family} saddr ${address} ${family} daddr ${address} masquerade`,
      ].map((rule) => `add rule ${family} cni_hostport ${rule} comment "${id}"`);
    };
    const left = () =>
      ruleset()
        .match(/comment "(\w+)"/g)
        ?.map((text) => text.slice(9, -1)) ?? [];
    const devices = () => ipJson('link', 'show', 'type', 'ifb').map(({ ifname }) => ifname as string);
    const valid = (...ids: string[]) => ({
      'cni.dev/valid-attachments': ids.map((containerID) => ({ containerID, ifname: 'eth0' })),
    });

    test.each(['bridge', 'ptp', 'cnikit'])(
      '%s GC removes leftovers of upstream for unlisted attachments',
      (type) => {
        const [, stale] = ['kept', 'stale'].map((id) => call('host-local', 'ADD', id).json.ips) as [
          unknown,
          { address: string }[],
        ];
        const [ipv4, ipv6] = stale.map(({ address }) => address.split('/')[0] as string) as [string, string];
        for (const family of ['ip', 'ip6']) {
          run('nft', `add table ${family} cni_hostport`);
          for (const chain of ['hostports', 'hostip_hostports']) {
            run('nft', `add chain ${family} cni_hostport ${chain} { type nat hook prerouting priority 0; }`);
          }
          run(
            'nft',
            `add chain ${family} cni_hostport masquerading { type nat hook postrouting priority 0; }`,
          );
        }
        for (const rule of [
          ...portRules('stale', 'ip', ipv4),
          ...portRules('stale', 'ip6', ipv6),
          // The same container in another network, a listed one, and one without a reservation here.
          ...portRules('stale', 'ip', '10.44.0.2'),
          ...portRules('kept', 'ip', '10.95.0.2'),
          ...portRules('unknown', 'ip', ipv4),
        ]) {
          run('nft', rule);
        }
        const named = [
          ['net', 'stale'],
          ['net', 'kept'],
          ['net', 'unknown'],
          ['other', 'stale'],
        ] as const;
        const names = named.map(([network, containerID]) => ifbName({ network, containerID }));
        for (const name of names) {
          run('ip', 'link', 'add', name, 'type', 'ifb');
        }

        call(type, 'GC', '');
        expect(left()).toHaveLength(15);
        expect(devices()).toHaveLength(4);
        call(type, 'GC', '', valid('kept'));
        expect(left().sort()).toEqual(['kept', 'stale', 'unknown'].flatMap((id) => [id, id, id]));
        expect(ruleset()).not.toContain(`dnat to ${ipv6}`);
        expect(ruleset()).toContain('dnat to 10.44.0.2:80');
        expect(devices().sort()).toEqual(names.slice(1).sort());
        expect(here.reservations().sort()).toEqual(['10.95.0.2', 'fd95::2']);
      },
    );
  },
);
