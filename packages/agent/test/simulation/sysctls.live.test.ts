import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { procSys } from '../../src/apply/sysctls.ts';
import { run } from '../live-node.ts';
import { SimulatedSysctls } from './sysctls.ts';

const LINKS = ['simulated0', 'simulated1'];
const keysOf = (link: string): string[] => [
  ...(link === 'all' ? [] : [`net/ipv4/conf/${link}/forwarding`]),
  `net/ipv4/conf/${link}/rp_filter`,
  `net/ipv6/conf/${link}/accept_ra`,
];
const keys = [
  'net/ipv4/ip_forward',
  'net/ipv6/conf/all/forwarding',
  ...[...LINKS, 'all'].flatMap(keysOf),
  'net/ipv4/conf/simulated9/rp_filter',
];

type Operation = { set: string; value: string } | { add: string } | { remove: string };
const operation = fc.oneof<fc.Arbitrary<Operation>[]>(
  fc.record({ set: fc.constantFrom(...keys), value: fc.constantFrom('0', '1', '2') }),
  fc.constantFrom(...LINKS).map((add) => ({ add })),
  fc.constantFrom(...LINKS).map((remove) => ({ remove })),
);

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'The model of the settings (needs the sandbox: run npm test at the root)',
  () => {
    test('SimulatedSysctls behaves like /proc/sys under random operations', () => {
      const real = procSys();
      fc.assert(
        fc.property(fc.array(operation, { minLength: 1, maxLength: 20 }), (operations) => {
          const links = new Map<string, number>();
          let serial = 0;
          const model = new SimulatedSysctls((name) => links.get(name));
          // Values of an earlier run, and those of new links.
          for (const key of ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding', ...keysOf('all')]) {
            real.write(key, model.read(key)!);
          }
          for (const key of [
            'net/ipv4/conf/default/forwarding',
            'net/ipv4/conf/default/rp_filter',
            'net/ipv6/conf/default/accept_ra',
          ]) {
            real.write(key, model.read(key)!);
          }
          try {
            for (const each of operations) {
              if ('add' in each && !links.has(each.add)) {
                run('ip', 'link', 'add', each.add, 'type', 'veth');
                links.set(each.add, ++serial);
              } else if ('remove' in each && links.delete(each.remove)) {
                run('ip', 'link', 'delete', each.remove);
              } else if ('set' in each) {
                expect(
                  codeOf(() => model.set(each.set, each.value)),
                  each.set,
                ).toBe(codeOf(() => real.write(each.set, each.value)));
              }
              for (const key of keys) {
                expect(model.read(key), `${key} after ${JSON.stringify(each)}`).toBe(real.read(key));
              }
            }
          } finally {
            for (const name of links.keys()) {
              run('ip', 'link', 'delete', name);
            }
          }
        }),
        { numRuns: 60, seed: 1 },
      );
    });
  },
);

function codeOf(body: () => void): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
