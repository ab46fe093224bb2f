import fc from 'fast-check';
import { Ipam, type Store } from '../src/index.ts';
import type { RangeConfig } from '../src/range.ts';

/** A small pool, which often fills, wraps and frees: 5 + 3 IPv4 addresses and 6 IPv6 addresses. */
export const RANGE_SETS: RangeConfig[][] = [
  [
    { subnet: '10.0.0.0/29' },
    { subnet: '10.0.1.0/24', rangeStart: '10.0.1.7', rangeEnd: '10.0.1.10', gateway: '10.0.1.9' },
  ],
  [{ subnet: 'fd00::/125' }],
];
const GATEWAYS = ['10.0.0.1', '10.0.1.9', 'fd00::1'];
const POOLS = [
  ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.1.7', '10.0.1.8', '10.0.1.10'],
  ['fd00::2', 'fd00::3', 'fd00::4', 'fd00::5', 'fd00::6', 'fd00::7'],
];

/** A command of one of several users of the pool; `view` is the user. */
export type Command =
  | { view: number; verb: 'add'; id: string; ifName: string; requested: string[] }
  | { view: number; verb: 'del'; id: string; ifName: string }
  | { view: number; verb: 'check'; id: string; ifName: string }
  | { view: number; verb: 'gc'; keep: string[] };

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j');
const ifName = fc.constantFrom('eth0', 'eth0', 'eth0', 'net1');
const view = fc.nat(2);
const requested: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<string[]>([]) },
  {
    weight: 1,
    arbitrary: fc.uniqueArray(fc.constantFrom(...POOLS.flat(), ...GATEWAYS, '192.0.2.1'), { maxLength: 2 }),
  },
);

const add = fc.record({ view, verb: fc.constant('add' as const), id, ifName, requested });
const del = fc.record({ view, verb: fc.constant('del' as const), id, ifName });
const check = fc.record({ view, verb: fc.constant('check' as const), id, ifName });
const gc = fc.record({ view, verb: fc.constant('gc' as const), keep: fc.uniqueArray(id) });

export const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: add },
    { weight: 4, arbitrary: del },
    { weight: 1, arbitrary: check },
    { weight: 1, arbitrary: gc },
  ),
  { maxLength: 60, size: 'max' },
);

/** A simple model of the pool: the owner of each address, and the last address of each set. */
class Model {
  readonly held = new Map<string, string>();
  readonly #last: (string | undefined)[] = [];

  run(command: Command): string {
    if (command.verb === 'gc') {
      const freed = [...this.held].filter(
        ([, owner]) => !command.keep.some((kept) => owner === `${kept} eth0`),
      );
      for (const [address] of freed) {
        this.held.delete(address);
      }
      return freed
        .map(([address]) => address)
        .sort()
        .join();
    }
    const owner = `${command.id} ${command.ifName}`;
    const mine = [...this.held].filter(([, holder]) => holder === owner).map(([address]) => address);
    if (command.verb === 'del') {
      for (const address of mine) {
        this.held.delete(address);
      }
      return mine.sort().join();
    }
    if (command.verb === 'check') {
      return mine.length > 0 ? 'ok' : 'NOT_FOUND';
    }
    return this.#add(owner, mine, command.requested);
  }

  #add(owner: string, mine: string[], wishes: string[]): string {
    const all = POOLS.map((pool, i) => [...pool, ...GATEWAYS.filter((g) => g.includes(':') === (i === 1))]);
    const wanted = all.map((addresses) => wishes.find((wish) => addresses.includes(wish)));
    if (wishes.some((wish) => !wanted.includes(wish))) {
      return 'UNAVAILABLE';
    }
    const got: string[] = [];
    const undo = (code: string) => {
      for (const address of got) {
        this.held.delete(address);
      }
      return code;
    };
    for (const [i, pool] of POOLS.entries()) {
      const wish = wanted[i];
      if (wish !== undefined) {
        if (GATEWAYS.includes(wish) || this.held.has(wish)) {
          return undo('UNAVAILABLE');
        }
      } else if (mine.some((address) => pool.includes(address))) {
        return undo('DUPLICATE');
      }
      const start = pool.indexOf(this.#last[i] ?? '') + 1;
      const order = [...pool.slice(start), ...pool.slice(0, start)];
      const address = wish ?? order.find((candidate) => !this.held.has(candidate));
      if (address === undefined) {
        return undo('EXHAUSTED');
      }
      this.held.set(address, owner);
      this.#last[i] = address;
      got.push(address);
    }
    return got.join();
  }
}

function perform(ipam: Ipam, command: Command): string {
  try {
    if (command.verb === 'gc') {
      const { freed } = ipam.gc(command.keep.map((containerID) => ({ containerID, ifName: 'eth0' })));
      return freed
        .map(({ address }) => address)
        .sort()
        .join();
    }
    const owner = { containerID: command.id, ifName: command.ifName };
    if (command.verb === 'del') {
      return ipam.del(owner).sort().join();
    }
    if (command.verb === 'check') {
      ipam.check(owner);
      return 'ok';
    }
    const { ips } = ipam.add({ ...owner, requested: command.requested });
    return ips.map(({ address }) => address.split('/')[0]).join();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** Runs commands on stores that share one state and on the model. Throws at the first difference. */
export function compare(history: readonly Command[], stores: readonly Store[]): void {
  const model = new Model();
  const users = stores.map((store) => new Ipam({ rangeSets: RANGE_SETS, store }));
  for (const [step, command] of history.entries()) {
    const expected = model.run(command);
    const user = users[command.view % users.length]!;
    const actual = perform(user, command);
    if (actual !== expected) {
      throw new Error(`Step ${step}, ${JSON.stringify(command)}: expected ${expected}, got ${actual}`);
    }
    const { reservations, problems } = user.list();
    const held = reservations.map((r) => `${r.address} ${r.containerID} ${r.ifName}`).sort();
    const should = [...model.held].map(([address, owner]) => `${address} ${owner}`).sort();
    if (held.join() !== should.join() || problems.length > 0) {
      throw new Error(
        `After step ${step}: expected ${should.join()}, got ${held.join()} ${JSON.stringify(problems)}`,
      );
    }
  }
}
