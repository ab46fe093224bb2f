import { newLink } from '@cnikit/netlink';
import { expect, test } from 'vitest';
import { pairRequest } from './veth.ts';

const base = {
  name: 'veth0123456789a',
  mac: '02:00:5e:10:00:01',
  up: true,
  mtu: 0,
  master: 5,
  group: 0,
  peerName: 'eth0',
  peerMac: '02:00:5e:10:00:02',
  netns: 9,
};

test.each([
  {},
  { up: false },
  { mtu: 1450 },
  { up: false, mtu: 9000 },
  { up: false, master: 0, group: 0x63000000 },
  { up: false, master: 0, group: 0x63000000, mtu: 1450 },
  { up: false, master: 0 },
  { group: 0x63000000 },
  { name: 'veth0' },
  { peerName: 'net10' },
])('pairRequest() makes the bytes of newLink() for %j', (change) => {
  const values = { ...base, ...change };
  const size = { txQueues: 1, rxQueues: 1, mtu: values.mtu || undefined };
  const { name, mac, up, peerName, peerMac, netns } = values;
  const expected = newLink({
    kind: 'veth',
    name,
    mac,
    up,
    ...(values.master && { master: values.master }),
    ...(values.group && { group: values.group }),
    ...(size as { txQueues: 1; rxQueues: 1 }),
    peer: { name: peerName, mac: peerMac, netns, ...(size as { txQueues: 1; rxQueues: 1 }) },
  });
  const { type, flags, payload, describe } = pairRequest(values);
  expect({ type, flags, payload, describe }).toEqual({ ...expected });
});
