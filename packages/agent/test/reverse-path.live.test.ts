import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { beforeEach, describe, expect, test } from 'vitest';
import { gatherStrictFilters } from '../src/diagnose/doctor/gather-filters.ts';
import { run } from './live-node.ts';

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'gatherStrictFilters() (needs the sandbox: run npm test at the root)',
  () => {
    beforeEach(() => {
      sys.unshare(CLONE_NEWNET);
      run('nft', 'add', 'table', 'inet', 'firewalld');
      const hook = '{ type filter hook prerouting priority filter + 10; policy accept; }';
      run('nft', 'add', 'chain', 'inet', 'firewalld', 'filter_PREROUTING', hook);
    });

    const rule = (text: string): string =>
      run('nft', 'add', 'rule', 'inet', 'firewalld', 'filter_PREROUTING', ...text.split(' '));

    test.each([
      [
        'finds firewalld’s IPv6_rpfilter=yes',
        'meta nfproto ipv6 fib saddr . mark . iif oif missing drop',
        true,
      ],
      ['accepts IPv6_rpfilter=loose', 'meta nfproto ipv6 fib saddr . mark oif missing drop', false],
      ['accepts other rules', 'fib daddr type local accept', false],
    ])('gatherStrictFilters() %s', (_, text, strict) => {
      rule(text);
      expect(gatherStrictFilters()).toEqual(strict ? ['inet firewalld filter_PREROUTING'] : []);
    });

    test('gatherStrictFilters() leaves out the guard of routed pods', () => {
      run('nft', 'add', 'table', 'inet', 'cnikit_guard');
      const hook = '{ type filter hook prerouting priority filter; policy accept; }';
      run('nft', 'add', 'chain', 'inet', 'cnikit_guard', 'prerouting', hook);
      const rule = 'meta nfproto ipv6 fib saddr . iif oif missing drop';
      run('nft', 'add', 'rule', 'inet', 'cnikit_guard', 'prerouting', ...rule.split(' '));
      expect(gatherStrictFilters()).toEqual([]);
    });
  },
);
