import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKernel } from '../src/apply/netlink-kernel.ts';
import type { KernelAction, RouteAction } from '../src/core/action.ts';
import type { Kernel } from '../src/core/kernel.ts';
import type { NodeRoute, PresentTunnel, TunnelLink } from '../src/core/model.ts';
import { defaultTunnel } from '../src/core/names.ts';
import { hostFacts } from '../src/observe/facts.ts';
import { asKernelRoute } from '../src/reconcile/diff.ts';
import { FakeKernel } from '../src/testing/fake-kernel.ts';
import { makeLink, removeLink, run } from './live-node.ts';

/** Routes for actions: some destinations and next hops of both families. */
const route = (oif: number) =>
  fc
    .record({ six: fc.boolean(), to: fc.integer({ min: 1, max: 3 }), by: fc.integer({ min: 2, max: 4 }) })
    .map(
      ({ six, to, by }): NodeRoute => ({
        dst: six ? `fd00:10:244:${to}::/64` : `10.244.${to}.0/24`,
        via: six ? `2001:db8::${by}` : `192.0.2.${by}`,
        oif,
        dev: 'eth0',
      }),
    );

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'Kernel (needs the sandbox: run npm test at the root)',
  () => {
    let kernel: Kernel;
    let oif: number;
    beforeAll(() => {
      makeLink();
      kernel = openKernel();
      oif = kernel.dump().links.find(({ name }) => name === 'eth0')!.index;
    });
    afterAll(() => {
      kernel.close();
      removeLink();
    });

    const own = (routes: ReturnType<Kernel['dump']>['routes']): string[] =>
      routes
        .filter(({ protocol }) => protocol === 201)
        .map(({ dst, via, priority, type }) => `${dst} ${via} ${priority} ${type}`)
        .sort();

    test('Kernel.dump() resolves nexthop objects with nexthop_compat_mode 0', () => {
      const setting = '/proc/sys/net/ipv4/nexthop_compat_mode';
      run('ip', 'nexthop', 'add', 'id', '41', 'via', '192.0.2.7', 'dev', 'eth0');
      run('ip', 'nexthop', 'add', 'id', '42', 'via', '192.0.2.8', 'dev', 'eth0');
      run('ip', 'nexthop', 'add', 'id', '43', 'group', '41/42,3');
      run('ip', 'nexthop', 'add', 'id', '46', 'via', '2001:db8::7', 'dev', 'eth0');
      try {
        run('ip', 'route', 'add', '10.1.0.0/16', 'nhid', '41');
        run('ip', 'route', 'add', '10.2.0.0/16', 'nhid', '43');
        run('ip', '-6', 'route', 'add', 'fd01::/64', 'nhid', '46');
        for (const mode of ['1', '0']) {
          writeFileSync(setting, mode);
          const { routes } = kernel.dump();
          const find = (dst: string) => routes.find((each) => each.dst === dst);
          expect(find('10.1.0.0/16')).toMatchObject({ via: '192.0.2.7', oif });
          expect(find('10.2.0.0/16')).toMatchObject({ via: '192.0.2.7', oif, otherOifs: [oif] });
          expect(find('fd01::/64')).toMatchObject({ via: '2001:db8::7', oif });
        }
      } finally {
        writeFileSync(setting, '1');
        run('ip', 'nexthop', 'flush');
      }
    });

    test('FakeKernel behaves like the real kernel for routes', () => {
      // The agent changes existing routes only, so the kernel's behaviour for missing ones does not matter.
      const step = fc.record({
        op: fc.constantFrom('add', 'remove', 'change'),
        route: route(oif),
        old: route(oif),
      });
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
          run('ip', 'route', 'flush', 'proto', '201');
          run('ip', '-6', 'route', 'flush', 'proto', '201');
          const model = new FakeKernel();
          model.links[1]!.index = oif;
          for (const { op, route: wanted, old: seed } of steps) {
            const there = model.routes.find(({ dst, protocol }) => dst === wanted.dst && protocol === 201);
            const old = there ?? asKernelRoute(seed);
            if (op === 'change' && there === undefined) {
              continue;
            }
            const action: RouteAction =
              op === 'add'
                ? { kind: 'route', op, route: wanted }
                : op === 'remove'
                  ? { kind: 'route', op, old }
                  : { kind: 'route', op: 'change', route: wanted, old };
            const real = kernel.write([action]).map(({ code }) => code);
            // The adapter calls it done when what is to go is gone.
            expect(real).toEqual(
              model
                .write([action])
                .map(({ code }) => code)
                .filter((code) => code !== 'ESRCH'),
            );
            expect(own(kernel.dump().routes)).toEqual(own(model.routes));
          }
        }),
        { numRuns: 50 },
      );
    });

    test('FakeKernel behaves like the real kernel for tunnels', () => {
      const model = new FakeKernel();
      model.links[1]!.index = oif;
      const link: TunnelLink = {
        ...defaultTunnel,
        mac: '02:00:00:00:00:01',
        mtu: 1450,
        underlay: 'ipv4',
        local: '192.0.2.1',
        addresses: ['10.244.1.0/32'],
      };
      const both = [model, kernel] as const;
      /** The tunnel of each, without its index, and its entries. */
      const seen = () =>
        both.map((one) => {
          const state = one.dump();
          const [tunnel] = hostFacts(state).tunnels;
          const entries = (state.neighbours ?? []).map(
            ({ table, mac, address }) => `${table} ${mac} ${address}`,
          );
          return [tunnel === undefined ? undefined : { ...tunnel, index: 0 }, entries.sort()];
        });
      const step = (action: (tunnel: PresentTunnel) => KernelAction): string[] => {
        const codes = both.map((one) => {
          const [tunnel = {} as PresentTunnel] = hostFacts(one.dump()).tunnels;
          const failures = one.write([action(tunnel)]);
          return failures.map(({ code }) => code);
        });
        // The adapter calls it done when what is to go is gone.
        expect(codes[1]).toEqual(codes[0]!.filter((code) => code !== 'ENOENT' && code !== 'ENODEV'));
        const [modelled, real] = seen();
        expect(real).toEqual(modelled);
        return codes[1]!;
      };
      const entry = (table: 'fdb' | 'neighbour', mac: string, address: string) => (op: 'put' | 'remove') =>
        step(({ index, name }) => ({
          kind: 'neighbour',
          op,
          entry: { table, index, mac, address },
          dev: name,
        }));
      step(() => ({ kind: 'tunnel', op: 'add', link }));
      expect(step(() => ({ kind: 'tunnel', op: 'add', link }))).toEqual(['EEXIST']);
      step((old) => ({ kind: 'tunnel', op: 'change', link, old }));
      step((old) => ({ kind: 'tunnel', op: 'change', link: { ...link, mtu: 1400, addresses: [] }, old }));
      for (const [mac, remote] of [
        ['02:00:00:00:00:02', '198.51.100.2'],
        ['02:00:00:00:00:02', '198.51.100.3'],
        ['02:00:00:00:00:04', '198.51.100.4'],
      ] as const) {
        entry('fdb', mac, remote)('put');
        entry('neighbour', mac, '10.244.2.0')('put');
      }
      for (let again = 0; again < 2; again++) {
        entry('fdb', '02:00:00:00:00:02', '198.51.100.3')('remove');
        entry('neighbour', '02:00:00:00:00:04', '10.244.2.0')('remove');
      }
      step((old) => ({ kind: 'tunnel', op: 'remove', old }));
    });

    test('Kernel.write() carries out what it can and reports the failures', () => {
      const make = (dst: string, via: string): RouteAction => ({
        kind: 'route',
        op: 'add',
        route: { dst, via, oif, dev: 'eth0' },
      });
      const actions = [
        make('10.245.1.0/24', '192.0.2.2'),
        make('10.245.2.0/24', '203.0.113.9'),
        make('10.245.3.0/24', '192.0.2.3'),
      ];
      const failures = kernel.write(actions);
      expect(failures).toHaveLength(1);
      expect(failures[0]).toMatchObject({
        action: actions[1],
        code: 'ENETUNREACH',
        message: expect.stringContaining('10.245.2.0/24'),
      });
      expect(own(kernel.dump().routes).filter((line) => line.startsWith('10.245'))).toEqual([
        '10.245.1.0/24 192.0.2.2 0 unicast',
        '10.245.3.0/24 192.0.2.3 0 unicast',
      ]);
    });

    test('Kernel.write() adds and removes unreachable routes beside a connected route to the same prefix', () => {
      run('ip', 'address', 'add', '10.247.1.1/24', 'dev', 'eth0');
      const ranges = ['10.247.1.0/24', 'fd00:10:247:1::/64'];
      const routes = ranges.map((dst) => ({ dst, unreachable: true as const }));
      const present = () => {
        const { routes } = kernel.dump();
        return routes.filter(({ dst, protocol }) => ranges.includes(dst) && protocol === 201);
      };
      expect(kernel.write(routes.map((route) => ({ kind: 'route', op: 'add', route })))).toEqual([]);
      expect(present()).toEqual(routes.map(asKernelRoute));
      expect(run('ip', 'route', 'get', '10.247.1.9')).toContain('dev eth0');
      expect(() => run('ip', 'route', 'get', 'fd00:10:247:1::9')).toThrow();
      expect(kernel.write(present().map((old) => ({ kind: 'route', op: 'remove', old })))).toEqual([]);
      expect(present()).toEqual([]);
    });

    test('Kernel.write() never removes or replaces a route of another protocol', () => {
      run('ip', 'route', 'add', '10.246.1.0/24', 'via', '192.0.2.2');
      const wanted = { dst: '10.246.1.0/24', via: '192.0.2.2', oif, dev: 'eth0' };
      kernel.write([{ kind: 'route', op: 'remove', old: asKernelRoute(wanted) }]);
      expect(kernel.write([{ kind: 'route', op: 'add', route: wanted }])[0]?.code).toBe('EEXIST');
      expect(run('ip', 'route', 'show', '10.246.1.0/24')).not.toContain('proto 201');
    });
  },
);
