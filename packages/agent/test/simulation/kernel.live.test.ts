import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Kernel, KernelEvent } from '../../src/apply/kernel.ts';
import { openKernel } from '../../src/apply/netlink.ts';
import { asKernelRoute, type RouteAction } from '../../src/diff.ts';
import type { KernelState } from '../../src/model.ts';
import type { After } from '../../src/timers.ts';
import { run } from '../live-node.ts';
import { foreignRoute, SimulatedKernel } from './kernel.ts';

/** Histories of up to 25 operations; the same in every run, CNIKIT_KERNEL_RUNS makes them more. */
const RUNS = Number(process.env.CNIKIT_KERNEL_RUNS ?? 60);

/** One operation on both: what the model does, and what makes the real kernel do it. */
interface Operation {
  model(kernel: SimulatedKernel, handle: Kernel): unknown;
  /** Arguments of ip(8), or a write of the agent. */
  real: string[] | ((kernel: Kernel, oif: number) => unknown);
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
        kernel.putRoute(foreignRoute(dst, hopFor(dst, hop), eth0(kernel).index, 4, metric), mode as 'create'),
      real: [
        ...family(dst),
        'route',
        mode === 'create' ? 'add' : 'replace',
        ...[dst, 'via', hopFor(dst, hop), 'dev', 'eth0', 'proto', '4'],
        ...(metric === undefined ? [] : ['metric', String(metric)]),
      ],
    })),
  fc.record({ dst, protocol: fc.constantFrom(4, 201) }).map(({ dst, protocol }) => ({
    model: (kernel) => kernel.deleteRoute({ dst, protocol }),
    real: [...family(dst), 'route', 'del', dst, 'proto', String(protocol)],
  })),
  fc
    .record({ dst, hop, old: hop, op: fc.constantFrom('add', 'change', 'remove') })
    .map(({ dst, hop, old, op }) => {
      const action = (oif: number): RouteAction => {
        const route = (at: number) => ({ dst, via: hopFor(dst, at), oif, dev: 'eth0' });
        const was = asKernelRoute(route(old));
        if (op === 'add') return { kind: 'route', op, route: route(hop) };
        if (op === 'remove') return { kind: 'route', op, old: was };
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

/** What the agent makes use of, comparable: link numbers differ, and link-local addresses are the kernel's own affair. */
function seen({ links, addresses, routes }: KernelState): unknown {
  const index = links.find(({ name }) => name === 'eth0')!.index;
  return {
    up: links.find(({ name }) => name === 'eth0')!.up,
    addresses: addresses
      .filter((one) => one.index === index && !one.address.startsWith('fe80'))
      .map(({ address }) => address)
      .sort(),
    routes: routes
      .filter(({ dst, oif }) => oif === index && !/^f[ef]/.test(dst))
      .map(({ dst, via, protocol, priority, type }) => `${dst} via ${via} ${protocol} ${priority} ${type}`)
      .sort(),
  };
}

/**
 * What was told, sorted: the order within one operation is the kernel's own affair. Each address once: of an IPv6
 * address that goes soon after it came, the kernel may not say that it came.
 */
function lines(events: readonly KernelEvent[]): string[] {
  const routes: string[] = [];
  const addresses = new Set<string>();
  for (const event of events)
    if (event.type === 'route' && !/^f[ef]/.test(event.route.dst)) {
      const { dst, via, protocol, priority } = event.route;
      routes.push(`${event.op} ${dst} via ${via} ${protocol} ${priority}`);
    } else if (event.type === 'address' && !event.address.startsWith('fe80')) addresses.add(event.address);
  return [...routes, ...addresses].sort();
}

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'The model of the kernel (needs the sandbox: run npm test at the root)',
  () => {
    let kernel: Kernel;
    let oif: number;
    beforeAll(() => {
      kernel = openKernel();
    });
    afterAll(() => kernel.close());

    test('answers, changes and tells as the real one, whatever is done to it', {
      timeout: 300_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 25 }), async (operations) => {
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
              for await (const event of events) told.real.push(event);
            })();
            const modelled = (async () => {
              for await (const event of handle.events(ended.signal)) told.model.push(event);
            })();
            // What a node has when the agent starts.
            const setUp: Operation[] = [
              { model: (m) => m.setUp(eth0(m), true), real: ['link', 'set', 'eth0', 'up'] },
              ...['192.0.2.1/24', '2001:db8::1/64'].map((address) => ({
                model: (m: SimulatedKernel) => m.addAddress(eth0(m), address),
                real: ['address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : [])],
              })),
            ];
            for (const { model: pretend, real } of [...setUp, ...operations]) {
              const expected = pretend(model, handle);
              if (typeof real === 'function') expect(real(kernel, oif)).toEqual(expected);
              else {
                try {
                  run('ip', ...(real as [string]));
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
            await expect.poll(() => lines(told.real), { timeout: 20_000, interval: 5 }).toEqual(expected);
            ended.abort();
            await Promise.all([listening, modelled]);
          } finally {
            ended.abort();
            run('ip', 'link', 'del', 'eth0');
          }
        }),
        { numRuns: RUNS, seed: 1 },
      );
    });
  },
);
