import { NetlinkError, type Request } from '@cnikit/netlink';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import { sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import { arpNotify } from './announce.ts';
import { configurePodInterface } from './pod-interface.ts';

const EAFNOSUPPORT = 97;
const pod = {
  ifName: 'eth0',
  index: 3,
  netns: '/run/netns/pod',
  mac: '02:00:5e:10:00:01',
  addresses: ['10.1.0.2/24'],
  routes: [],
};
const refused = (request: Request, index: number) =>
  new NetlinkError({ errno: EAFNOSUPPORT, problem: 'The kernel refused to', request, index });

test('configurePodInterface() enables arp_notify with a separate message on a kernel without IPv6', () => {
  const sent: Request[] = [];
  const route = {
    batchSettled: (batch: Request[]) => batch.slice(0, 2).map(refused),
    request: (request: Request) => void sent.push(request),
  };
  configurePodInterface(sys, route as unknown as RtnetlinkCore, pod);
  expect(sent).toEqual([arpNotify(pod.index)]);
});

test('configurePodInterface() sends no second message for arp_notify on a kernel with IPv6', () => {
  const sent: Request[] = [];
  const route = { batchSettled: () => [], request: (request: Request) => void sent.push(request) };
  configurePodInterface(sys, route as unknown as RtnetlinkCore, pod);
  expect(sent).toEqual([]);
});

test.each([
  ['before the link is up, so that the kernel announces them', false, ['10.1.0.2/24', 'set link #3']],
  ['after the link is up when the caller announces them', true, ['set link #3', '10.1.0.2/24']],
])('configurePodInterface() adds IPv4 addresses %s', (_, isAnnouncedLater, order) => {
  const sent: Request[] = [];
  const batchSettled = (batch: Request[]) => {
    sent.push(...batch);
    return [];
  };
  const route = { batchSettled };
  configurePodInterface(sys, route as unknown as RtnetlinkCore, { ...pod, isAnnouncedLater });
  // The first two are settings and the link-local address.
  expect(sent.slice(2).map(({ describe }) => describe)).toEqual(
    order.map((part) => expect.stringContaining(part)),
  );
});
