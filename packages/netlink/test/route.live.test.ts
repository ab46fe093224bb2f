import { expect, test } from 'vitest';
import * as k from '../src/constants.ts';
import * as nl from '../src/index.ts';
import { freshRoute, json, live, run, type Shown } from './live.ts';

/**
 * A veth pair that is up, with an address of each family on one end; gives its index. It has no link-local addresses:
 * the kernel adds those, their routes and their neighbours some time after the carrier.
 */
function network(rt: nl.RtnetlinkConnection): number {
  rt.request(nl.newLink({ kind: 'veth', name: 'v0', peer: { name: 'v1' } }));
  const { index } = rt.link({ name: 'v0' })!;
  rt.batch([
    nl.setLink({ name: 'v0', addrGenMode: 'none' }),
    nl.setLink({ name: 'v1', addrGenMode: 'none' }),
    nl.setLink({ name: 'v0', up: true }),
    nl.setLink({ name: 'v1', up: true }),
    nl.newAddress({ index, address: '10.0.0.1/24', broadcast: '10.0.0.255' }),
    nl.newAddress({ index, address: 'fd00::1/64', nodad: true }),
  ]);
  return index;
}

live('addresses on a kernel', () => {
  const route = freshRoute();

  test('newAddress() and addresses() agree with `ip`', () => {
    const rt = route();
    const index = network(rt);
    rt.request(
      nl.newAddress({ index, address: '10.9.0.1', peer: '10.9.0.2/32', label: 'v0:p', scope: 'link' }),
    );
    rt.request(
      nl.newAddress({
        index,
        address: 'fd01::1/64',
        nodad: true,
        validLifetime: 4000,
        preferredLifetime: 3000,
      }),
    );
    const [{ addr_info }] = json('ip -j addr show dev v0');
    const mine = rt.addresses({ index });
    expect(mine.map(({ address, scope }) => [address, scope]).sort()).toEqual(
      addr_info.map((a: Shown) => [`${a.local}/${a.prefixlen}`, a.scope]).sort(),
    );
    expect(mine.find(({ label }) => label === 'v0:p')).toMatchObject({
      address: '10.9.0.1/32',
      peer: '10.9.0.2',
    });
    expect(mine.find(({ label }) => label === 'v0')).toMatchObject({ broadcast: '10.0.0.255' });
    const limited = mine.find(({ address }) => address === 'fd01::1/64')!;
    expect(limited.validLifetime).toBeGreaterThan(3900);
    expect(limited.preferredLifetime).toBeLessThanOrEqual(3000);
    expect(rt.addresses({ family: 'ipv6', index }).every(({ family }) => family === 'ipv6')).toBe(true);
  });

  test('newAddress() refuses an existing address unless it replaces it, and delAddress() removes it', () => {
    const rt = route();
    const index = network(rt);
    const spec = { index, address: '10.0.0.1/24' };
    expect(() => rt.request(nl.newAddress(spec))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    rt.request(nl.newAddress({ ...spec, replace: true }));
    rt.request(nl.delAddress(spec));
    expect(() => rt.request(nl.delAddress(spec))).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }));
  });

  test('newAddress() with nodad adds an address that is usable immediately', () => {
    const rt = route();
    const index = network(rt);
    const flags = rt.addresses({ index }).find(({ address }) => address === 'fd00::1/64')!.flags;
    expect(flags & k.IFA_F_TENTATIVE).toBe(0);
  });
});

live('routes on a kernel', () => {
  const route = freshRoute();

  test('newRoute() and routes() agree with `ip`', () => {
    const rt = route();
    const oif = network(rt);
    rt.batch([
      nl.newRoute({ dst: 'default', via: '10.0.0.9' }),
      nl.newRoute({ dst: 'default', via: 'fd00::9', mtu: 1400 }),
      nl.newRoute({ dst: '10.2.0.0/16', via: '192.0.2.1', oif, onlink: true, protocol: 201, priority: 7 }),
      nl.newRoute({ dst: '10.3.0.0/16', oif, src: '10.0.0.1', metrics: { mtu: 1300, advmss: 1200 } }),
      nl.newRoute({
        dst: '10.4.0.0/16',
        nextHops: [
          { via: '10.0.0.8', oif, weight: 3 },
          { via: '10.0.0.9', oif },
        ],
      }),
      nl.newRoute({
        dst: 'fd04::/64',
        nextHops: [
          { via: 'fd00::8', oif },
          { via: 'fd00::9', oif },
        ],
      }),
      nl.newRoute({ dst: '10.5.0.0/16', via: 'fd00::9', oif }),
      nl.newRoute({ dst: '10.66.0.0/16', type: 'blackhole' }),
      nl.newRoute({ dst: 'fd66::/64', type: 'unreachable' }),
      nl.newRoute({ dst: '10.7.0.7', via: '10.0.0.9', table: 1000 }),
    ]);
    const text = ({ dst, via, oif: by, priority }: nl.Route): string =>
      `${dst} ${via ?? ''} ${by === oif ? 'v0' : ''} ${priority}`;
    const shown =
      (family: string) =>
      (r: Shown): string => {
        const all = family === 'ipv4' ? '0.0.0.0/0' : '::/0';
        const dst =
          r.dst === 'default'
            ? all
            : r.dst.includes('/')
              ? r.dst
              : `${r.dst}/${family === 'ipv4' ? 32 : 128}`;
        return `${dst} ${r.gateway ?? r.via?.host ?? ''} ${r.dev === 'v0' ? 'v0' : ''} ${r.metric ?? 0}`;
      };
    const main = rt.routes({ family: 'ipv4', table: 'main' });
    expect(main.map(text).sort()).toEqual(json('ip -j route show table main').map(shown('ipv4')).sort());
    const six = rt.routes({ family: 'ipv6', table: 'main' }).filter(({ dst }) => dst !== 'fd04::/64');
    const ipSix = json('ip -6 -j route show table main').filter(({ dst }) => dst !== 'fd04::/64');
    expect(six.map((r) => text(r).replace('v0', '')).sort()).toEqual(
      ipSix.map((r) => shown('ipv6')(r).replace('v0', '').replace('lo', '')).sort(),
    );
    const find = (dst: string) => rt.routes().filter((r) => r.dst === dst);
    expect(find('10.3.0.0/16')[0]).toMatchObject({
      src: '10.0.0.1',
      scope: 'link',
      metrics: { mtu: 1300, advmss: 1200 },
    });
    expect(find('10.4.0.0/16')[0]!.nextHops).toMatchObject([
      { via: '10.0.0.8', weight: 3 },
      { via: '10.0.0.9', weight: 1 },
    ]);
    expect(
      find('fd04::/64')
        .flatMap((r) => r.nextHops ?? [r])
        .map(({ via }) => via),
    ).toEqual(['fd00::8', 'fd00::9']);
    expect(find('10.2.0.0/16')[0]).toMatchObject({ onlink: true, protocol: 201, priority: 7 });
    expect(find('10.7.0.7/32')[0]).toMatchObject({ table: 1000, via: '10.0.0.9' });
    expect(rt.routes({ protocol: 201 }).map(({ dst }) => dst)).toEqual(['10.2.0.0/16']);
    expect(rt.routes({ table: 1000 })).toHaveLength(1);
    expect(rt.routes({ table: 4711, family: 'ipv4' })).toEqual([]);
    expect(rt.routes({ table: 4711 })).toEqual([]);
    expect(rt.routes({ oif, table: 'main' }).some(({ dst }) => dst === '10.4.0.0/16')).toBe(true);
    expect(rt.routes({ type: 'blackhole' }).map(({ dst }) => dst)).toEqual(['10.66.0.0/16']);
  });

  test('newRoute() recreates every decoded route', () => {
    const rt = route();
    const oif = network(rt);
    const specs: nl.RouteSpec[] = [
      { dst: '10.2.0.0/16', via: '10.0.0.9', mtu: 1300, priority: 3, protocol: 201 },
      {
        dst: '10.4.0.0/16',
        nextHops: [
          { via: '10.0.0.8', oif, weight: 3 },
          { via: '192.0.2.9', oif, onlink: true },
        ],
      },
      { dst: 'fd09::/64', via: 'fd00::9', priority: 30, protocol: 201 },
    ];
    for (const spec of specs) {
      rt.request(nl.newRoute(spec));
      const [had] = rt.routes({ table: 'main' }).filter(({ dst }) => dst === spec.dst);
      rt.request(nl.delRoute({ dst: spec.dst }));
      const { expires: _, ...again } = had!;
      rt.request(nl.newRoute(again));
      expect(rt.routes({ table: 'main' }).filter(({ dst }) => dst === spec.dst)).toEqual([had]);
    }
  });

  test('newRoute() creates, replaces and appends', () => {
    const rt = route();
    network(rt);
    const spec = { dst: '10.2.0.0/16', via: '10.0.0.8' };
    rt.request(nl.newRoute(spec));
    expect(() => rt.request(nl.newRoute(spec))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    rt.request(nl.newRoute({ ...spec, via: '10.0.0.9', mode: 'replace' }));
    rt.request(nl.newRoute({ ...spec, via: '10.0.0.10', mode: 'append' }));
    const vias = () =>
      rt
        .routes({ table: 'main' })
        .filter((r) => r.dst === spec.dst)
        .map(({ via }) => via);
    expect(vias()).toEqual(['10.0.0.9', '10.0.0.10']);
    rt.request(nl.delRoute({ dst: spec.dst, via: '10.0.0.10' }));
    expect(vias()).toEqual(['10.0.0.9']);
    rt.request(nl.delRoute({ dst: spec.dst }));
    expect(() => rt.request(nl.delRoute({ dst: spec.dst }))).toThrow(
      expect.objectContaining({ code: 'ESRCH' }),
    );
  });

  test('routeTo() returns the route of a packet', () => {
    const rt = route();
    const oif = network(rt);
    rt.request(nl.newRoute({ dst: '10.2.0.0/16', via: '10.0.0.9' }));
    expect(rt.routeTo({ dst: '10.2.3.4' })).toMatchObject({
      dst: '10.2.3.4/32',
      via: '10.0.0.9',
      oif,
      src: '10.0.0.1',
    });
    expect(rt.routeTo({ dst: '10.2.3.4', fibMatch: true })).toMatchObject({ dst: '10.2.0.0/16' });
    expect(() => rt.routeTo({ dst: '192.0.2.1' })).toThrow(expect.objectContaining({ code: 'ENETUNREACH' }));
  });

  test('routeTo() returns the route of an IPv6 packet', () => {
    const rt = route();
    const index = network(rt);
    rt.request(nl.newAddress({ index, address: 'fd01::1/64', nodad: true }));
    rt.request(nl.newRoute({ dst: 'fd02::/64', via: 'fd01::9' }));
    const found = rt.routeTo({ dst: 'fd02::7' });
    expect(found).toMatchObject({ dst: 'fd02::7/128', via: 'fd01::9', oif: index, table: 'main' });
    expect(rt.routeTo({ dst: 'fd02::7', fibMatch: true })).toMatchObject({ dst: 'fd02::/64' });
  });

  test('batch() reports every failure of thousands', () => {
    const rt = route();
    network(rt);
    const requests = Array.from({ length: 3000 }, (_, i) =>
      nl.newRoute({ dst: `10.${i >> 8}.${i & 255}.0/24`, via: '192.0.2.1' }),
    );
    const failures = rt.batchSettled(requests);
    expect(failures.map(({ index }) => index)).toEqual(requests.map((_, i) => i));
    expect(failures[2999]).toMatchObject({
      code: 'ENETUNREACH',
      extack: { message: 'Nexthop has invalid gateway' },
    });
  });
});

live('neighbours and rules on a kernel', () => {
  const route = freshRoute();

  test('newNeighbour() and neighbours() agree with `ip`', () => {
    const rt = route();
    const index = network(rt);
    rt.batch([
      nl.newNeighbour({ index, address: '10.0.0.9', mac: '02:00:00:00:00:09' }),
      nl.newNeighbour({ index, address: 'fd00::9', mac: '02:00:00:00:00:0a', state: k.NUD_REACHABLE }),
    ]);
    const ip = json('ip -j neigh show dev v0');
    const mine = rt.neighbours({ index }).filter(({ state }) => state !== k.NUD_NOARP);
    expect(mine.map(({ address, mac }) => [address, mac]).sort()).toEqual(
      ip.map(({ dst, lladdr }) => [dst, lladdr]).sort(),
    );
    expect(mine.find(({ family }) => family === 'ipv4')!.state).toBe(k.NUD_PERMANENT);
    rt.request(nl.delNeighbour({ index, address: '10.0.0.9' }));
    const state = rt
      .neighbours({ index, family: 'ipv4' })
      .find(({ address }) => address === '10.0.0.9')?.state;
    expect([undefined, k.NUD_FAILED]).toContain(state);
  });

  test('newNeighbour() creates FDB entries of a bridge and of a vxlan', () => {
    const rt = route();
    rt.batch([
      nl.newLink({ kind: 'bridge', name: 'br0' }),
      nl.newLink({ kind: 'vxlan', name: 'vx0', id: 7, port: 4789 }),
      nl.setLink({ name: 'vx0', up: true }),
    ]);
    const master = rt.link({ name: 'br0' })!.index;
    const { index } = rt.link({ name: 'vx0' })!;
    rt.batch([
      nl.setLink({ index, master }),
      nl.newNeighbour({
        index,
        family: 'bridge',
        mac: '00:00:00:00:00:00',
        address: '10.0.0.9',
        mode: 'append',
      }),
      nl.newNeighbour({
        index,
        family: 'bridge',
        mac: '00:00:00:00:00:00',
        address: '10.0.0.8',
        mode: 'append',
      }),
      nl.newNeighbour({
        index,
        family: 'bridge',
        mac: '02:00:00:00:00:07',
        flags: k.NTF_MASTER,
        state: k.NUD_NOARP,
      }),
    ]);
    const shown = json('bridge -j fdb show dev vx0');
    const mine = rt.neighbours({ family: 'bridge', index });
    const self = (dst: string) => mine.filter(({ address }) => address === dst);
    expect(self('10.0.0.9')).toMatchObject([{ mac: '00:00:00:00:00:00', flags: k.NTF_SELF }]);
    expect(self('10.0.0.8')).toHaveLength(1);
    expect(mine.find(({ mac }) => mac === '02:00:00:00:00:07')).toMatchObject({ master });
    expect(mine.map(({ mac }) => mac).sort()).toEqual(shown.map((entry) => entry.mac).sort());
  });

  test('newRoutingRule() and rules() agree with `ip`', () => {
    const rt = route();
    rt.batch([
      nl.newRoutingRule({ from: '10.0.0.0/8', table: 1000, priority: 100, iif: 'lo' }),
      nl.newRoutingRule({
        family: 'ipv6',
        fwmark: 0x10,
        fwmask: 0xff,
        table: 100,
        priority: 101,
        invert: true,
      }),
      nl.newRoutingRule({
        from: '10.1.0.0/16',
        table: 'main',
        priority: 102,
        suppressPrefixLength: 0,
        ipProtocol: 6,
        destinationPorts: { first: 80, last: 90 },
      }),
    ]);
    const numbers = (rules: nl.RoutingRule[]) => rules.map(({ priority, table }) => [priority, table]);
    for (const [family, flag] of [
      ['ipv4', '-4'],
      ['ipv6', '-6'],
    ] as const) {
      const ip = json(`ip ${flag} -j rule show`);
      expect(numbers(rt.rules({ family }))).toEqual(
        ip.map(({ priority, table }) => [priority, Number(table) || table]),
      );
    }
    const [rule] = rt.rules({ family: 'ipv4' }).filter(({ priority }) => priority === 102);
    expect(rule).toMatchObject({
      from: '10.1.0.0/16',
      suppressPrefixLength: 0,
      destinationPorts: { first: 80, last: 90 },
    });
    rt.request(nl.delRoutingRule({ from: '10.0.0.0/8', table: 1000, priority: 100 }));
    expect(rt.rules({ family: 'ipv4' }).some(({ priority }) => priority === 100)).toBe(false);
    expect(() => rt.request(nl.delRoutingRule({ from: '10.0.0.0/8', priority: 100 }))).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    expect(run('ip rule show')).toContain('102:');
  });

  test('Decoders accept the dumps of every table', () => {
    const rt = route();
    network(rt);
    for (const routes of rt.routes()) {
      expect(routes.unknown ?? []).toEqual([]);
    }
  });
});
