import { execFileSync } from 'node:child_process';
import { openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { hostVethName } from '@cnikit/plugin';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FOREIGN_SOURCE_GROUPS, POD_GROUPS } from '../src/core/names.ts';
import { gatherRouted } from '../src/diagnose/doctor/gather-routed.ts';

const run = (command: string) => execFileSync('sh', ['-ec', command], { encoding: 'utf8' });
const END = hostVethName('cnikit', 'c1', 'eth0');

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('facts of routed pods', () => {
  let rt: RtnetlinkConnection;
  beforeAll(() => {
    rt = openRtnetlink();
  });
  afterAll(() => rt.close());
  afterEach(() => run(`ip link del ${END}; nft flush ruleset`));

  const start = (group: number) =>
    run(`ip link add ${END} type veth peer name far0
      ip link set ${END} up group ${group}
      sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.${END}.rp_filter=2`);
  const gather = () => gatherRouted(rt, rt.links({ kind: 'veth' }));
  const guard = (chain: string) =>
    run(`nft add table inet cnikit_guard
      nft add chain inet cnikit_guard ${chain}
      nft add rule inet cnikit_guard ${chain} counter
      nft add rule inet cnikit_guard ${chain} counter`);

  test('gatherRouted() finds a filter that drops other source addresses of a pod that may send them', () => {
    start(FOREIGN_SOURCE_GROUPS);
    // The loose filter of a link without an IPv4 address is strict.
    expect(gather()?.strictEnds).toEqual([END]);
    run(`ip address add 169.254.1.1/32 dev ${END} scope host`);
    expect(gather()?.strictEnds).toEqual([]);
    run(`sysctl -qw net.ipv4.conf.${END}.rp_filter=1`);
    expect(gather()?.strictEnds).toEqual([END]);
    run(`sysctl -qw net.ipv4.conf.${END}.rp_filter=0; ip address flush dev ${END}`);
    expect(gather()?.strictEnds).toEqual([]);
  });

  test.each([
    [POD_GROUPS, 'prerouting', 'foreign'],
    [FOREIGN_SOURCE_GROUPS + 7, 'foreign', 'prerouting'],
  ])('gatherRouted() looks for the chain of the guard that pods of group %d need', (group, needed, other) => {
    start(group);
    guard(other);
    expect(gather()).toMatchObject({ guard: false, strictEnds: group === POD_GROUPS ? [] : [END] });
    guard(needed);
    expect(gather()?.guard).toBe(true);
  });
});
