/** Tests of a program's own allocation with vitest: no root, no disk, the same addresses in each run. */
import { Ipam, IpamError, memoryStore } from '@cnikit/ipam';
import { storeContract } from '@cnikit/ipam/testing';
import { describe, expect, test } from 'vitest';

const open = (subnet: string) => new Ipam({ rangeSets: [[{ subnet }]], store: memoryStore() });
const pod = (containerID: string) => ({ containerID, ifName: 'eth0' });

test('add() gives each pod its address and del() frees it', () => {
  const ipam = open('10.1.0.0/29');
  expect(ipam.add(pod('a')).ips.map(({ address }) => address)).toEqual(['10.1.0.2/29']);
  expect(ipam.add(pod('b')).ips.map(({ address }) => address)).toEqual(['10.1.0.3/29']);
  expect(ipam.del(pod('a'))).toHaveLength(1);
  expect(ipam.list().reservations).toHaveLength(1);
});

test('add() throws EXHAUSTED when no address is free', () => {
  const ipam = open('10.1.0.0/30');
  ipam.add(pod('a'));
  let error: unknown;
  try {
    ipam.add(pod('b'));
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(IpamError);
  expect(error).toMatchObject({ code: 'EXHAUSTED' });
});

describe('memoryStore()', () => {
  test.each(storeContract(() => memoryStore()))('memoryStore(): $name', ({ run }) => run());
});
