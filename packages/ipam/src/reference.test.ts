import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sys } from '@cnikit/sys';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { RANGE_SETS } from '../test/model.ts';
import { isPinned, reference, referencePath } from '../test/reference.ts';
import { scratch } from '../test/scratch.ts';
import { fileStore } from './file-store.ts';
import { Ipam, parseIpamConfig, splitCniArgs } from './index.ts';

const root = scratch();
let count = 0;
let dataDir: string;
beforeEach(() => {
  dataDir = join(root, String(count++));
});

const owner = (containerID: string, ifName = 'eth0') => ({ containerID, ifName });
const ours = (ranges: object, where = dataDir) =>
  new Ipam({
    rangeSets: parseIpamConfig({ cniVersion: '1.0.0', ipam: ranges }).rangeSets,
    store: fileStore({ sys, dir: join(where, 'net') }),
  });
const theirs = (ranges: object, where = dataDir) => ({
  ipam: { type: 'host-local', dataDir: where, ...ranges },
});

/** Returns every file of the format with its content. */
function snapshot(where: string): Record<string, string> {
  const dir = join(where, 'net');
  const names = readdirSync(dir).filter((name) => name !== 'lock');
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
}

const skip = referencePath === undefined;
const title = skip ? 'host-local (skipped: install containernetworking-plugins to run these)' : 'host-local';

describe.skipIf(skip)(title, () => {
  const POOL = { subnet: '10.1.2.0/29' };

  test('host-local frees reservations of Ipam, and Ipam those of host-local', () => {
    const ipam = ours(POOL);
    ipam.add(owner('a'));
    expect(reference('ADD', owner('b'), theirs(POOL)).ips).toEqual([
      { address: '10.1.2.3/29', gateway: '10.1.2.1' },
    ]);
    expect(ipam.add(owner('c')).ips[0]!.address).toBe('10.1.2.4/29');
    ipam.check(owner('b'));
    expect(reference('CHECK', owner('a'), theirs(POOL))).toEqual({});
    expect(reference('DEL', owner('a'), theirs(POOL))).toEqual({});
    expect(ipam.del(owner('b'))).toEqual(['10.1.2.3']);
    expect(ipam.list().reservations.map(({ containerID }) => containerID)).toEqual(['c']);
    expect(reference('CHECK', owner('b'), theirs(POOL)).msg).toMatch(
      /Failed to find address added by container b/,
    );
  });

  test('host-local refuses addresses that Ipam holds, and Ipam those that host-local holds', () => {
    const ipam = ours(POOL);
    ipam.add(owner('a'));
    reference('ADD', owner('b'), theirs(POOL));
    expect(reference('ADD', owner('a'), theirs(POOL)).msg).toBe(
      'failed to allocate for range 0: 10.1.2.2 has been allocated to a, duplicate allocation is not allowed',
    );
    expect(() => ipam.add(owner('b'))).toThrow(
      'failed to allocate for range 0: 10.1.2.3 has been allocated to b, duplicate allocation is not allowed',
    );
  });

  // The same commands, ours in one directory and the reference's in another: answers and files must be the
  // same.
  test('Ipam returns the results of host-local and writes the same files, for random commands', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const wish = fc.constantFrom('', '', '', '', '10.0.0.4', '10.0.1.9', 'fd00::3');
    const command = fc.record({ verb: fc.constantFrom('ADD', 'ADD', 'DEL', 'CHECK'), id, wish });
    fc.assert(
      fc.property(fc.array(command, { minLength: 5, maxLength: 25, size: 'max' }), (history) => {
        const [left, right] = [join(root, String(count++)), join(root, String(count++))];
        mkdirSync(left);
        const ranges = { ranges: RANGE_SETS };
        for (const { verb, id: containerID, wish: requested } of history) {
          const ipam = ours(ranges, left);
          let answer: unknown = {};
          try {
            if (verb === 'ADD') {
              answer = ipam.add({ ...owner(containerID), requested: requested ? [requested] : [] }).ips;
            } else if (verb === 'DEL') {
              ipam.del(owner(containerID));
            } else {
              ipam.check(owner(containerID));
            }
          } catch (error) {
            answer = (error as Error).message;
          }
          const args = verb === 'ADD' && requested ? `IP=${requested}` : '';
          const reply = reference(verb as 'ADD', owner(containerID), theirs(ranges, right), args);
          // When a later set refuses, host-local also frees what the attachment held before: a defect,
          // not copied.
          if (verb === 'ADD' && /for range 1/.test(reply.msg ?? '')) {
            return;
          }
          expect(answer).toEqual(reply.msg ?? reply.ips ?? {});
          expect(snapshot(left)).toEqual(snapshot(right));
        }
      }),
      { numRuns: 15 },
    );
  });

  test('Ipam refuses requested addresses outside the ranges with the message of host-local', () => {
    const conf = { subnet: '10.1.2.0/24' };
    const requested = ['10.9.1.2', '10.1.2.9', '10.9.1.3'];
    const reply = reference('ADD', owner('a'), { ...theirs(conf), runtimeConfig: { ips: requested } });
    // It tries the ranges first and walks a Go map after: the order is chance.
    expect(reply.msg).toMatch(/^failed to allocate all requested IPs: 10\.9\.1\.[23] 10\.9\.1\.[23]$/);
    expect(() => ours(conf).add({ ...owner('a'), requested })).toThrow(
      'failed to allocate all requested IPs: 10.9.1.2 10.9.1.3',
    );
  });

  test('Ipam and host-local in one directory never allocate an address twice or lose one', () => {
    const ipam = ours({ subnet: '10.1.2.0/26' });
    const conf = theirs({ subnet: '10.1.2.0/26' });
    const held = new Map<string, string>();
    for (let i = 0; i < 120; i++) {
      const user = `c${i % 40}`;
      const asReference = (i * 7) % 3 === 0;
      if (i >= 40 && i % 2 === 0) {
        if (asReference) {
          reference('DEL', owner(user), conf);
        } else {
          ipam.del(owner(user));
        }
        held.delete(user);
      } else if (!held.has(user)) {
        const ips = asReference ? reference('ADD', owner(user), conf).ips! : ipam.add(owner(user)).ips;
        expect([...held.values()]).not.toContain(ips[0]!.address);
        held.set(user, ips[0]!.address);
      }
      const listed = ipam.list().reservations.map((r) => `${r.containerID} ${r.address}/26`);
      expect(listed.sort()).toEqual([...held].map(([a, b]) => `${a} ${b}`).sort());
    }
  });

  test.each<[string, object, string]>([
    ['a missing section', { ipam: null }, ''],
    ['no ranges', { ipam: {} }, ''],
    ['host bits', { ipam: { subnet: '10.1.2.3/24' } }, ''],
    ['a small subnet', { ipam: { subnet: 'fd00::/127' } }, ''],
    ['no CIDR', { ipam: { subnet: 'banana' } }, ''],
    ['an empty subnet', { ipam: { subnet: '' } }, ''],
    ['an empty set', { ipam: { ranges: [[]] } }, ''],
    ['an empty range', { ipam: { ranges: [[{}]] } }, ''],
    ['a mapped subnet', { ipam: { subnet: '::ffff:10.2.0.0/112' } }, ''],
    ['a start outside', { ipam: { subnet: '10.1.2.0/24', rangeStart: '10.1.3.1' } }, ''],
    ['an end outside', { ipam: { subnet: '10.1.2.0/24', rangeEnd: '10.1.3.1' } }, ''],
    ['a bad gateway', { ipam: { subnet: '10.1.2.0/24', gateway: 'x' } }, ''],
    ['overlap in a set', { ipam: { ranges: [[{ subnet: '10.1.2.0/24' }, { subnet: '10.1.2.0/25' }]] } }, ''],
    ['overlap of sets', { ipam: { subnet: '10.1.2.0/24', ranges: [[{ subnet: '10.1.2.0/25' }]] } }, ''],
    ['mixed families', { ipam: { ranges: [[{ subnet: '10.1.2.0/24' }, { subnet: 'fd00::/64' }]] } }, ''],
    ['a bad route', { ipam: { subnet: '10.1.2.0/24', routes: [{ dst: 'x' }] } }, ''],
    ['a bad wish', { ipam: { subnet: '10.1.2.0/24' }, runtimeConfig: { ips: ['x'] } }, ''],
    ['a bad static wish', { ipam: { subnet: '10.1.2.0/24' }, args: { cni: { ips: ['10.1.2.3/99'] } } }, ''],
    [
      '0.2.0 and two sets',
      { cniVersion: '0.2.0', ipam: { subnet: '10.1.2.0/24', ranges: [[{ subnet: '10.2.0.0/24' }]] } },
      '',
    ],
    ['unknown args', { ipam: { subnet: '10.1.2.0/24' } }, 'A=1;B=2'],
    ['malformed args', { ipam: { subnet: '10.1.2.0/24' } }, 'IP'],
    ['an odd IgnoreUnknown', { ipam: { subnet: '10.1.2.0/24' } }, 'IgnoreUnknown=yes'],
    ['a bad IP in args', { ipam: { subnet: '10.1.2.0/24' } }, 'IP=banana'],
  ])('parseIpamConfig() refuses %s with the message of host-local', (_what, conf, args) => {
    const section = (conf as { ipam: object | null }).ipam;
    const reply = reference('ADD', owner('a'), { ...conf, ipam: section && { dataDir, ...section } }, args);
    expect(reply.msg).toEqual(expect.any(String));
    const whole = { cniVersion: '1.0.0', ...conf };
    expect(() => parseIpamConfig(whole, { args: splitCniArgs(args) })).toThrow(
      expect.objectContaining({ message: reply.msg }),
    );
  });

  test.skipIf(!isPinned).each([
    [{ subnet: '10.1.2.0/24', gateway: '10.9.9.9' }, /gateway 10\.9\.9\.9 not in network 10\.1\.2\.0/],
    [{ subnet: 'fd00::/64', gateway: 'fd01::1' }, /gateway fd01::1 not in network fd00::/],
    [{ subnet: 'fd00::/64', gateway: '10.1.2.1' }, /gateway 10\.1\.2\.1 not in network fd00::/],
    [{ subnet: '10.1.2.0/24', rangeStart: '10.1.2.255' }, /RangeStart 10\.1\.2\.255 is after RangeEnd/],
  ])('parseIpamConfig() refuses %j with the message of host-local', (range, message) => {
    const { msg } = reference('ADD', owner('a'), { ipam: { dataDir, ...range } });
    expect(msg).toMatch(message);
    expect(() => parseIpamConfig({ ipam: range })).toThrow(expect.objectContaining({ message: msg }));
  });

  test('Ipam counts an address that CNI_ARGS and args.cni.ips both request once, as host-local does', () => {
    const wish = { args: { cni: { ips: ['10.1.2.4/24'] } }, runtimeConfig: { ips: ['::ffff:10.1.2.4'] } };
    const conf = { ipam: { subnet: '10.1.2.0/24' }, ...wish };
    const args = 'IP=10.1.2.4';
    const { rangeSets, requested } = parseIpamConfig(conf, { args: splitCniArgs(args) });
    const ipam = new Ipam({ rangeSets, store: fileStore({ sys, dir: join(dataDir, 'ours') }) });
    expect(ipam.add({ ...owner('a'), requested }).ips[0]!.address).toBe('10.1.2.4/24');
    const theirs = reference('ADD', owner('a'), { ...conf, ipam: { ...conf.ipam, dataDir } }, args);
    expect(theirs.ips![0]!.address).toBe('10.1.2.4/24');
  });
});
