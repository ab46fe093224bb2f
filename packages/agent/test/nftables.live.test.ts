/** The nftables table of the packet filter in the kernel, as nft lists and loads it. */
import { spawnSync } from 'node:child_process';
import { openNftables } from '@cnikit/netlink/nftables';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createNftFilter, type TableChange } from '../src/apply/nftables.ts';
import { openTableStore, unsupportedReason } from '../src/apply/nftables-store.ts';
import { describe as text } from '../src/core/action.ts';
import type { FilterTable } from '../src/core/filter-table.ts';
import { nftablesTable } from '../src/desired/nftables.ts';
import { run } from './live-node.ts';

const LISTING = `table inet cnikit-agent {
	set pods4 {
		type ipv4_addr
		flags interval
		elements = { 10.244.1.0/24 }
	}

	set inside4 {
		type ipv4_addr
		flags interval
		elements = { 10.96.0.0/12, 10.244.1.0/24,
			     10.244.2.0/24, 224.0.0.0/4 }
	}

	set egress4 {
		type ifname
		elements = { "eth0" }
	}

	set pods6 {
		type ipv6_addr
		flags interval
		elements = { fd00:10:244:1::/64 }
	}

	set inside6 {
		type ipv6_addr
		flags interval
		elements = { fd00:10:244:2::/64,
			     ff00::/8 }
	}

	chain postrouting {
		type nat hook postrouting priority srcnat + 1; policy accept;
		oifname @egress4 ip saddr @pods4 ip daddr != @inside4 masquerade fully-random
		ip6 saddr @pods6 ip6 daddr != @inside6 masquerade fully-random
	}
}
`;

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'The nftables table on a full kernel (needs the sandbox: run npm test at the root)',
  () => {
    const nft = openNftables();
    afterAll(() => nft.close());
    let commits: TableChange['op'][][] = [];
    const store = openTableStore(nft);
    const open = () =>
      createNftFilter({
        ...store,
        commit: (changes) => {
          commits.push(changes.map(({ op }) => op));
          store.commit(changes);
        },
      });

    const tableOf = (inside: readonly string[], egress = false): FilterTable =>
      nftablesTable(
        {
          ipv4: {
            family: 'ipv4',
            podCIDRs: ['10.244.1.0/24'],
            masquerade: egress ? { outInterfaces: ['eth0'] } : {},
          },
          ipv6: { family: 'ipv6', podCIDRs: ['fd00:10:244:1::/64'], masquerade: {} },
        },
        (family) => inside.filter((prefix) => prefix.includes(':') === (family === 'ipv6')),
      );
    const wide = tableOf(['10.96.0.0/12', '10.244.1.0/24', '10.244.2.0/24', 'fd00:10:244:2::/64'], true);
    const listing = (): string => run('nft', 'list', 'ruleset');

    afterEach(() => {
      commits = [];
      run('nft', 'flush', 'ruleset');
    });

    test('createNftFilter().apply() makes a table that nft lists, and loads again', () => {
      const filter = open();
      expect(filter.apply(wide, true).map(text).slice(0, 3)).toEqual([
        '+ rule inet table cnikit-agent',
        '+ rule inet cnikit-agent postrouting oifname @egress4 ip saddr @pods4 ip daddr != @inside4 masquerade fully-random',
        '+ rule inet cnikit-agent postrouting ip6 saddr @pods6 ip6 daddr != @inside6 masquerade fully-random',
      ]);
      const listed = listing();
      expect(listed).toBe(LISTING);
      expect(
        spawnSync('nft', ['-f', '-'], { input: `flush ruleset\n${listed}`, encoding: 'utf8' }),
      ).toMatchObject({
        status: 0,
        stderr: '',
      });
      expect(filter.plan(wide)).toEqual([]);
      expect(open().apply(wide, true)).toEqual([]);
      expect(commits).toEqual([['replace']]);
    });

    test('createNftFilter().apply() sends elements only for a node that joins or leaves', () => {
      const filter = open();
      filter.apply(tableOf(['10.244.2.0/24']), true);
      expect(filter.apply(tableOf(['10.244.2.0/24', '10.244.3.0/24', 'fd00::/64']), false).map(text)).toEqual(
        ['+ set inet cnikit-agent inside4 10.244.3.0/24', '+ set inet cnikit-agent inside6 fd00::/64'],
      );
      expect(filter.apply(tableOf(['10.0.0.0/8']), false).map(text)).toEqual([
        '+ set inet cnikit-agent inside4 10.0.0.0/8',
        '- set inet cnikit-agent inside4 10.244.2.0/24',
        '- set inet cnikit-agent inside4 10.244.3.0/24',
        '- set inet cnikit-agent inside6 fd00::/64',
      ]);
      expect(commits).toEqual([['replace'], ['elements', 'elements'], ['elements', 'elements']]);
      expect(filter.plan(tableOf(['10.0.0.0/8']))).toEqual([]);
    });

    test.each([
      ['delete element inet cnikit-agent inside4 { 10.244.2.0/24 }', ['elements']],
      ['add element inet cnikit-agent inside4 { 203.0.113.1-203.0.113.6 }', ['elements']],
      ['flush set inet cnikit-agent pods6', ['elements']],
      ['flush chain inet cnikit-agent postrouting', ['rules']],
      ['insert rule inet cnikit-agent postrouting accept', ['rules']],
      ['add rule inet cnikit-agent postrouting ip saddr @pods4 ip daddr != @inside4 masquerade', ['rules']],
      ['add chain inet cnikit-agent extra', ['replace']],
      ['add set inet cnikit-agent extra { type mark; }', ['replace']],
      ['add chain inet cnikit-agent postrouting { policy drop; }', ['replace']],
      ['delete table inet cnikit-agent', ['replace']],
      ['flush ruleset', ['replace']],
    ])('createNftFilter().apply() repairs the table after: %s', (change, repair) => {
      const filter = open();
      filter.apply(wide, true);
      run('nft', change);
      const planned = filter.plan(wide).map(text);
      expect(planned).not.toEqual([]);
      commits = [];
      expect(filter.apply(wide, true).map(text)).toEqual(planned);
      expect(commits).toEqual([repair]);
      expect(listing()).toBe(LISTING);
    });

    test('createNftFilter().apply() replaces a table that another program made dormant', () => {
      const filter = open();
      filter.apply(wide, true);
      run('nft', 'add', 'table', 'inet', 'cnikit-agent', '{ flags dormant; }');
      expect(filter.apply(wide, true).map(text)).toEqual(['- rule inet cnikit-agent flag dormant']);
      expect(listing()).toBe(LISTING);
      expect(filter.apply(wide, true)).toEqual([]);
    });

    test('createNftFilter().apply() reads the table again when a change without a reading is refused', () => {
      const filter = open();
      filter.apply(tableOf([]), true);
      run('nft', 'flush', 'ruleset');
      filter.apply(wide, false);
      expect(listing()).toBe(LISTING);
    });

    test('createNftFilter().apply() removes the table, and leaves the tables of others', () => {
      const filter = open();
      filter.apply(wide, true);
      run('nft', 'add', 'table', 'inet', 'other');
      expect(filter.apply(undefined, true).map(text)).toEqual(['- rule inet table cnikit-agent']);
      expect(listing()).toBe('table inet other {\n}\n');
      expect(filter.apply(undefined, true)).toEqual([]);
    });

    test('createNftFilter().apply() takes 5,000 nodes in one transaction', () => {
      const inside = Array.from({ length: 5000 }, (_, i) => [
        `10.${i >> 8}.${i & 255}.0/24`,
        `fd00:10:${(i + 1).toString(16)}::/64`,
      ]).flat();
      const filter = open();
      filter.apply(tableOf(inside), true);
      expect(commits).toEqual([['replace']]);
      expect(open().plan(tableOf(inside))).toEqual([]);
      expect(filter.apply(tableOf(inside.slice(2)), false)).toHaveLength(2);
      expect(open().plan(tableOf(inside.slice(2)))).toEqual([]);
    });

    test('unsupportedReason() returns undefined where the kernel can hold the table, and changes nothing', () => {
      expect(unsupportedReason(nft, wide)).toBeUndefined();
      expect(listing()).toBe('');
    });

    test('unsupportedReason() returns what the kernel refuses', () => {
      const [chain] = wide.chains;
      const foreign = { name: 'other', kind: 'cnikit', bytes: new Uint8Array(0) } as const;
      const table = { ...wide, chains: [{ ...chain!, rules: [{ text: '', expressions: [foreign] }] }] };
      expect(unsupportedReason(nft, table)).toMatch(/new rule in inet cnikit-agent-probe postrouting/);
      expect(listing()).toBe('');
    });
  },
);
