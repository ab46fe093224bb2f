import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../../vitest.soak.ts';
import { openKernel } from '../../src/apply/netlink-kernel.ts';
import type { KernelAction, RouteAction } from '../../src/core/action.ts';
import type { Kernel, KernelEvent } from '../../src/core/kernel.ts';
import type { KernelLink, KernelState, TunnelLink } from '../../src/core/model.ts';
import type { After } from '../../src/core/timers.ts';
import { hostFacts } from '../../src/observe/facts.ts';
import { asKernelRoute } from '../../src/reconcile/diff.ts';
import { run } from '../live-node.ts';
import { foreignRoute, SimulatedKernel } from './kernel.ts';

/** Histories of up to 25 operations. */
const RUNS = soakSize(10, 120);

/** One operation on both: what the model does, and what makes the real kernel do it. */
interface Operation {
  model(kernel: SimulatedKernel, handle: Kernel): unknown;
  /** Arguments of ip(8), a whole command, or a write of the agent. */
  real: string[] | { argv: [string, ...string[]] } | ((kernel: Kernel, oif: number) => unknown);
}

const addresses = ['192.0.2.1/24', '198.51.100.1/24', '2001:db8::1/64', '2001:db8:5::1/64'];
const destinations = ['10.244.1.0/24', '10.244.2.0/24', 'fd00:10:244:1::/64', 'fd00:10:244:2::/64'];
const hops = {
  ipv4: ['192.0.2.2', '192.0.2.3', '198.51.100.2', '203.0.113.9'],
  ipv6: ['2001:db8::2', '2001:db8::3', '2001:db8:5::2', '2001:db8:ffff::9'],
};

const family = (text: string): string[] => (text.includes(':') ? ['-6'] : ['-4']);
const hopFor = (dst: string, at: number): string => hops[dst.includes(':') ? 'ipv6' : 'ipv4'][at]!;
const eth0 = (kernel: SimulatedKernel) => kernel.link('eth0')!;

const hop = fc.integer({ min: 0, max: 3 });
const dst = fc.constantFrom(...destinations);
const operation = fc.oneof<fc.Arbitrary<Operation>[]>(
  fc.constantFrom(true, false).map((up) => ({
    model: (kernel) => kernel.setUp(eth0(kernel), up),
    real: ['link', 'set', 'eth0', up ? 'up' : 'down'],
  })),
  fc.constantFrom(...addresses).map((address) => ({
    model: (kernel) => kernel.addAddress(eth0(kernel), address),
    real: ['address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : [])],
  })),
  fc.constantFrom(...addresses).map((address) => ({
    model: (kernel) => kernel.deleteAddress(eth0(kernel), address),
    real: ['address', 'del', address, 'dev', 'eth0'],
  })),
  fc
    .record({ dst, hop, mode: fc.constantFrom('create', 'replace'), metric: fc.constantFrom(undefined, 50) })
    .map(({ dst, hop, mode, metric }) => ({
      model: (kernel) =>
        kernel.putRoute(
          foreignRoute(dst, hopFor(dst, hop), eth0(kernel).index, 'static', metric),
          mode as 'create',
        ),
      real: [
        ...family(dst),
        'route',
        mode === 'create' ? 'add' : 'replace',
        ...[dst, 'via', hopFor(dst, hop), 'dev', 'eth0', 'proto', '4'],
        ...(metric === undefined ? [] : ['metric', String(metric)]),
      ],
    })),
  fc.record({ dst, protocol: fc.constantFrom('static' as const, 201) }).map(({ dst, protocol }) => ({
    model: (kernel) => kernel.deleteRoute({ dst, protocol }),
    real: [...family(dst), 'route', 'del', dst, 'proto', String(protocol)],
  })),
  fc
    .record({ dst, hop, old: hop, op: fc.constantFrom('add', 'change', 'remove') })
    .map(({ dst, hop, old, op }) => {
      const action = (oif: number): RouteAction => {
        const route = (at: number) => ({ dst, via: hopFor(dst, at), oif, dev: 'eth0' });
        const was = asKernelRoute(route(old));
        if (op === 'add') {
          return { kind: 'route', op, route: route(hop) };
        }
        if (op === 'remove') {
          return { kind: 'route', op, old: was };
        }
        return { kind: 'route', op: 'change', route: route(hop), old: was };
      };
      const codes = (kernel: Kernel, oif: number): string[] =>
        kernel.write([action(oif)]).map(({ code }) => code);
      return {
        model: (kernel, handle) => codes(handle, eth0(kernel).index),
        real: codes,
      };
    }),
);

const TUNNELS = ['cnikit-vx', 'cnikit-vx6'] as const;
const SETTINGS = { vni: 201, port: 4789 } as const;
const macs = ['02:00:00:00:00:01', '02:00:00:00:00:02'];
const remotes = { 'cnikit-vx': ['192.0.2.7', '192.0.2.8'], 'cnikit-vx6': ['2001:db8::7', '2001:db8::8'] };
const gateways = ['10.244.2.0', '10.244.3.0', 'fe80::1', 'fe80::2'];

/** An index that no link has. */
const NONE = 9_999_999;
const indexOf = (kernel: Kernel | SimulatedKernel, name: string): number => {
  const { links } = 'dump' in kernel ? kernel.dump() : kernel;
  return links.find((link) => link.name === name)?.index ?? NONE;
};
/** The first errno of an action that failed. */
const codeOf = (kernel: Kernel, action: KernelAction): string | undefined => kernel.write([action])[0]?.code;

const tunnel = fc.constantFrom(...TUNNELS);
const wantedTunnel = fc
  .record({
    name: tunnel,
    mac: fc.constantFrom(...macs),
    mtu: fc.constantFrom(1400, 1450),
    six: fc.boolean(),
  })
  .map(({ name, mac, mtu, six }): TunnelLink => {
    const underlay = name === 'cnikit-vx' ? 'ipv4' : 'ipv6';
    const local = underlay === 'ipv4' ? '192.0.2.1' : '2001:db8::1';
    const addresses = six ? ['10.244.1.0/32', 'fd00:10:244:1::/128'] : ['10.244.1.0/32'];
    return { name, ...SETTINGS, mac, mtu, underlay, local, addresses };
  });
/** The agent's own writes on the tunnels, and what others do to them and beside them. */
const tunnelOperation = fc.oneof<fc.Arbitrary<Operation>[]>(
  wantedTunnel.map((link) => {
    const write = (kernel: Kernel): string | undefined => codeOf(kernel, { kind: 'tunnel', op: 'add', link });
    return { model: (_, handle) => write(handle), real: write };
  }),
  wantedTunnel.map((link) => {
    // As the agent knows it from a dump just before.
    const write = (kernel: Kernel): string | undefined => {
      const old = hostFacts(kernel.dump()).tunnels.find(({ name }) => name === link.name);
      return old === undefined ? 'none' : codeOf(kernel, { kind: 'tunnel', op: 'change', link, old });
    };
    return { model: (_, handle) => write(handle), real: write };
  }),
  tunnel.map((name) => {
    const write = (kernel: Kernel): string | undefined => {
      const old = hostFacts(kernel.dump()).tunnels.find((one) => one.name === name);
      return old === undefined ? 'none' : codeOf(kernel, { kind: 'tunnel', op: 'remove', old });
    };
    return { model: (_, handle) => write(handle), real: write };
  }),
  fc
    .record({
      name: tunnel,
      op: fc.constantFrom('put', 'remove'),
      mac: fc.constantFrom(...macs),
      at: fc.integer({ min: 0, max: 1 }),
    })
    .map(({ name, op, mac, at }) => {
      const write = (kernel: Kernel): string | undefined => {
        const entry = {
          table: 'fdb' as const,
          index: indexOf(kernel, name),
          mac,
          address: remotes[name][at]!,
        };
        return codeOf(kernel, { kind: 'neighbour', op: op as 'put', entry, dev: name });
      };
      return { model: (_, handle) => write(handle), real: write };
    }),
  fc
    .record({
      name: tunnel,
      op: fc.constantFrom('put', 'remove'),
      mac: fc.constantFrom(...macs),
      address: fc.constantFrom(...gateways),
    })
    .map(({ name, op, mac, address }) => {
      const write = (kernel: Kernel): string | undefined => {
        const entry = { table: 'neighbour' as const, index: indexOf(kernel, name), mac, address };
        return codeOf(kernel, { kind: 'neighbour', op: op as 'put', entry, dev: name });
      };
      return { model: (_, handle) => write(handle), real: write };
    }),
  fc.record({ name: tunnel, four: fc.boolean(), at: hop }).map(({ name, four, at }) => {
    const dst = destinations[(at & 1) + (four ? 0 : 2)]!;
    const via = gateways[(at & 1) + (four ? 0 : 2)]!;
    const write = (kernel: Kernel): string | undefined => {
      const route = {
        dst,
        via,
        oif: indexOf(kernel, name),
        dev: name,
        ...(four ? { onlink: true as const } : {}),
      };
      return codeOf(kernel, { kind: 'route', op: 'add', route });
    };
    return { model: (_, handle) => write(handle), real: write };
  }),
  fc.record({ name: tunnel, up: fc.boolean() }).map(({ name, up }) => ({
    model: (kernel) => onLink(kernel, name, (link) => kernel.setUp(link, up)),
    real: ['link', 'set', name, up ? 'up' : 'down'],
  })),
  fc.record({ name: tunnel, mtu: fc.constantFrom(1300, 1450) }).map(({ name, mtu }) => ({
    model: (kernel) => onLink(kernel, name, (link) => kernel.setMtu(link, mtu)),
    real: ['link', 'set', name, 'mtu', String(mtu)],
  })),
  fc.record({ name: tunnel, mac: fc.constantFrom(...macs) }).map(({ name, mac }) => ({
    model: (kernel) => onLink(kernel, name, (link) => kernel.setMac(link, mac)),
    real: ['link', 'set', name, 'address', mac],
  })),
  fc.constantFrom(...TUNNELS, 'other').map((name) => ({
    model: (kernel) => onLink(kernel, name, (link) => kernel.deleteLink(link)),
    real: ['link', 'delete', name],
  })),
  fc
    .record({ name: fc.constantFrom(...TUNNELS, 'other'), id: fc.constantFrom(201, 7), six: fc.boolean() })
    .map(({ name, id, six }) => {
      const local = six ? '2001:db8::1' : '192.0.2.1';
      return {
        model: (kernel) => {
          try {
            kernel.addLink(name, { mac: macs[0]!, vxlan: { id, port: 4789, learning: true, local } });
          } catch {
            // As it is there already.
          }
        },
        real: [
          ...['link', 'add', name, 'mtu', '1500', 'address', macs[0]!],
          ...['type', 'vxlan', 'id', String(id), 'dstport', '4789', 'local', local],
        ],
      };
    }),
  fc.record({ name: tunnel, mac: fc.constantFrom(...macs), at: hop }).map(({ name, mac, at }) => {
    const address = remotes[name][at & 1]!;
    const entry = { table: 'fdb' as const, mac, address };
    return at < 2
      ? {
          model: (kernel) => void kernel.putNeighbour({ ...entry, index: indexOf(kernel, name) }),
          real: { argv: ['bridge', 'fdb', 'replace', mac, 'dev', name, 'dst', address, 'self', 'permanent'] },
        }
      : {
          model: (kernel) => {
            const index = indexOf(kernel, name);
            const have = kernel.neighbours.some(
              (one) => one.index === index && one.mac === mac && one.address === address,
            );
            if (have) {
              kernel.deleteNeighbour({ ...entry, index });
            }
          },
          real: { argv: ['bridge', 'fdb', 'del', mac, 'dev', name, 'dst', address, 'self'] },
        };
  }),
  fc
    .record({
      name: tunnel,
      mac: fc.constantFrom(...macs),
      address: fc.constantFrom(...gateways),
      put: fc.boolean(),
    })
    .map(({ name, mac, address, put }) => ({
      model: (kernel) => {
        const entry = { table: 'neighbour' as const, mac, address, index: indexOf(kernel, name) };
        if (put) {
          kernel.putNeighbour(entry);
        } else {
          kernel.deleteNeighbour(entry);
        }
      },
      real: put
        ? ['neighbour', 'replace', address, 'lladdr', mac, 'dev', name, 'nud', 'permanent']
        : ['neighbour', 'del', address, 'dev', name],
    })),
);

function onLink(kernel: SimulatedKernel, name: string, body: (link: KernelLink) => void): void {
  const link = kernel.link(name);
  if (link !== undefined) {
    body(link);
  }
}

/** The state that the agent uses, without link indexes and link-local addresses, which may differ. */
function seen({ links, addresses, routes, neighbours = [] }: KernelState): unknown {
  return links
    .filter(({ name }) => ['eth0', ...TUNNELS, 'other'].includes(name))
    .sort((a, b) => a.name.localeCompare(b.name))
    .map(({ index, name, up, mtu, mac, alias, vxlan }) => ({
      name,
      up,
      ...(name === 'eth0' ? {} : { mtu, mac, alias, vxlan }),
      addresses: addresses
        .filter((one) => one.index === index && !one.address.startsWith('fe80'))
        .map(({ address }) => address)
        .sort(),
      routes: routes
        .filter(({ dst, oif }) => oif === index && !/^f[ef]/.test(dst))
        .map(({ dst, via, protocol, priority, type }) => `${dst} via ${via} ${protocol} ${priority} ${type}`)
        .sort(),
      neighbours: neighbours
        .filter((one) => one.index === index)
        .map(({ table, mac: hardware, address }) => `${table} ${hardware} ${address}`)
        .sort(),
    }));
}

/**
 * The events, sorted: the kernel chooses the order within one operation. Each address once: the kernel may not report
 * the arrival of an IPv6 address that is soon deleted.
 */
function lines(events: readonly KernelEvent[]): string[] {
  const known = new Set([...gateways, ...Object.values(remotes).flat()]);
  const routes: string[] = [];
  const addresses = new Set<string>();
  for (const event of events) {
    if (event.type === 'route' && !/^f[ef]/.test(event.route.dst)) {
      const { dst, via, protocol, priority } = event.route;
      routes.push(`${event.op} ${dst} via ${via} ${protocol} ${priority}`);
    } else if (event.type === 'neighbour' && known.has(event.neighbour.address)) {
      routes.push(`${event.op} ${event.neighbour.table} ${event.neighbour.address}`);
    } else if (event.type === 'address' && !event.address.startsWith('fe80')) {
      addresses.add(event.address);
    }
  }
  return [...routes, ...addresses].sort();
}

const anyOperation = fc.oneof({ weight: 2, arbitrary: operation }, { weight: 3, arbitrary: tunnelOperation });

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'The model of the kernel (needs the sandbox: run npm test at the root)',
  () => {
    let kernel: Kernel;
    let oif: number;
    beforeAll(() => {
      kernel = openKernel();
    });
    afterAll(() => kernel.close());

    test('SimulatedKernel returns, changes and reports the same as the real kernel under random operations', {
      timeout: 300_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyOperation, { minLength: 1, maxLength: 25 }), async (operations) => {
          run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'cable');
          run('ip', 'link', 'set', 'cable', 'up');
          const ended = new AbortController();
          try {
            oif = kernel.dump().links.find(({ name }) => name === 'eth0')!.index;
            const model = new SimulatedKernel();
            model.addLink('eth0');
            const soon: After = (_ms, body) => {
              const timer = setImmediate(body);
              return () => clearImmediate(timer);
            };
            const handle = model.open(soon, () => 0, { beforeAction: () => undefined });
            const told = { model: [] as KernelEvent[], real: [] as KernelEvent[] };
            const events = kernel.events(ended.signal);
            const listening = (async () => {
              for await (const event of events) {
                told.real.push(event);
              }
            })();
            const modelled = (async () => {
              for await (const event of handle.events(ended.signal)) {
                told.model.push(event);
              }
            })();
            // The state of a node when the agent starts.
            const setUp: Operation[] = [
              { model: (m) => m.setUp(eth0(m), true), real: ['link', 'set', 'eth0', 'up'] },
              ...['192.0.2.1/24', '2001:db8::1/64'].map((address) => ({
                model: (m: SimulatedKernel) => m.addAddress(eth0(m), address),
                real: ['address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : [])],
              })),
            ];
            for (const { model: pretend, real } of [...setUp, ...operations]) {
              const expected = pretend(model, handle);
              if (typeof real === 'function') {
                expect(real(kernel, oif)).toEqual(expected);
              } else {
                try {
                  run(...(Array.isArray(real) ? (['ip', ...real] as [string, ...string[]]) : real.argv));
                } catch {
                  // Refused by both, as the tables show.
                }
              }
              expect(seen(kernel.dump()), `after ${JSON.stringify(real) ?? 'a write'}`).toEqual(
                seen(model.state()),
              );
            }
            await new Promise(setImmediate);
            const expected = lines(told.model);
            await expect.poll(() => lines(told.real), { timeout: 30_000, interval: 5 }).toEqual(expected);
            ended.abort();
            await Promise.all([listening, modelled]);
          } finally {
            ended.abort();
            for (const { name } of kernel.dump().links) {
              if (['eth0', ...TUNNELS, 'other'].includes(name)) {
                run('ip', 'link', 'del', name);
              }
            }
          }
        }),
        { numRuns: RUNS, seed: soakSeed(1) },
      );
    });
  },
);
