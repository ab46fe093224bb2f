import type { Link } from '@cnikit/netlink';
import { expect, test } from 'vitest';
import { portVlans } from './vlan.ts';

const bridge = { bridge: { vlanDefaultPvid: 1 } } as Link;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** struct ifinfomsg of family AF_BRIDGE for link 5. */
const HEADER = '07000000050000000000000000000000';

test('portVlans() takes the default VLAN away and gives the pod its own, untagged', () => {
  const [remove, add, ...more] = portVlans(5, bridge, {
    vlan: 100,
    vlanTrunk: [],
    preserveDefaultVlan: false,
  });
  expect(more).toEqual([]);
  // RTM_DELLINK, as `bridge vlan del dev x vid 1`: IFLA_AF_SPEC { IFLA_BRIDGE_VLAN_INFO { 0, 1 } }
  expect(remove).toMatchObject({ type: 17, describe: 'remove VLAN 1 of port #5' });
  expect(hex(remove!.payload)).toBe(`${HEADER}0c001a000800020000000100`);
  // RTM_SETLINK, as `bridge vlan add dev x vid 100 pvid untagged`
  expect(add).toMatchObject({ type: 19, describe: 'set VLAN 100 of port #5' });
  expect(hex(add!.payload)).toBe(`${HEADER}0c001a000800020006006400`);
});

test('portVlans() sends a range of a trunk as its two ends, and keeps the default VLAN on request', () => {
  const vlanTrunk = [
    { first: 7, last: 7 },
    { first: 10, last: 12 },
  ];
  const [add, ...more] = portVlans(5, bridge, { vlan: 0, vlanTrunk, preserveDefaultVlan: true });
  expect(more).toEqual([]);
  expect(add?.describe).toBe('set VLAN 7,10-12 of port #5');
  expect(hex(add!.payload)).toBe(`${HEADER}1c001a0008000200000007000800020008000a000800020010000c00`);
});

test('portVlans() takes nothing away where the bridge gives no default VLAN', () => {
  const none = { bridge: { vlanDefaultPvid: 0 } } as Link;
  const plan = { vlan: 5, vlanTrunk: [], preserveDefaultVlan: false };
  expect(portVlans(5, none, plan).map(({ type }) => type)).toEqual([19]);
});
