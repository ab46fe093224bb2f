/** A machine outside the node, for tests of what reaches pods from there and pods from inside. */
import { writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import {
  createNetns,
  deleteNetns,
  delLink,
  newAddress,
  newLink,
  openRtnetlink,
  type RtnetlinkConnection,
  setLink,
} from '@cnikit/netlink';
import { O_RDONLY, sys, withNetns } from '@cnikit/sys';
import { afterEach, beforeEach } from 'vitest';
import { flushConnections, flushRuleset } from './nat-state.ts';
import { type Namespace, NODE, reach, stopServers } from './traffic.ts';

/** Its addresses, and the node's addresses on the link to it. */
const ADDRESSES = { ipv4: '192.0.2.9', ipv6: '2001:db8::9', node4: '192.0.2.1', node6: '2001:db8::1' };

/** A machine without a route to the pods. */
export type Outside = Namespace & typeof ADDRESSES;

/** Port without a server. */
const DISCARD = 9;

/** Removes rules, tracked connections and servers of tests from the node. */
export function clearNode(): void {
  stopServers();
  flushRuleset();
  flushConnections();
}

/** Gives each test of a suite such a machine, and a clean node. */
export function withOutside(): Outside {
  const outside = { name: '', ...ADDRESSES };
  let remove: () => void;
  beforeEach(async () => {
    clearNode();
    outside.name = `outside${process.pid}-${count++}`;
    remove = await makeOutside(outside.name);
  });
  afterEach(() => {
    stopServers();
    remove();
    clearNode();
  });
  return outside;
}

let count = 0;

/** Makes the machine, and returns a function that removes it. */
async function makeOutside(name: string): Promise<() => void> {
  const path = createNetns(name);
  const node = openRtnetlink();
  const inside = openRtnetlink({ netns: path });
  const fd = sys.open(path, O_RDONLY);
  node.request(newLink({ kind: 'veth', name: 'uplink', peer: { name: 'eth0', netns: fd } }));
  sys.close(fd);
  node.request(setLink({ name: 'lo', up: true }));
  // Without a link-local address, which detection delays, the kernel sends no neighbour solicitation.
  const detectNothing = (link: string) => writeFileSync(`/proc/sys/net/ipv6/conf/${link}/accept_dad`, '0');
  detectNothing('uplink');
  withNetns(sys, path, () => detectNothing('eth0'));
  const { ipv4, ipv6, node4, node6 } = ADDRESSES;
  bringUp(node, 'uplink', [`${node4}/24`, `${node6}/64`]);
  bringUp(inside, 'eth0', [`${ipv4}/24`, `${ipv6}/64`]);
  const remove = () => {
    node.request(delLink({ name: 'uplink' }));
    deleteNetns(name);
    node.close();
    inside.close();
  };
  // Workers of the kernel start a link and its IPv6.
  while (![isUp(node, 'uplink'), isUp(inside, 'eth0')].every(Boolean)) {
    await setTimeout(1);
  }
  await Promise.all([ipv4, ipv6].map((host) => reach(NODE, 'tcp', host, DISCARD)));
  return remove;
}

function bringUp(route: RtnetlinkConnection, name: string, addresses: readonly string[]): void {
  const { index } = route.link({ name })!;
  route.batch([
    ...addresses.map((address) => newAddress({ index, address, nodad: address.includes(':') })),
    setLink({ index, up: true }),
  ]);
}

const isUp = (route: RtnetlinkConnection, name: string) => route.link({ name })?.operState === 'up';
