import { type LinkSpec, newLink, openRoute, type RouteConnection } from '@cnikit/netlink';
import { sys } from '@cnikit/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deleteHostEnd } from '../src/capabilities/attachment-links.ts';
import { openPodNamespace } from '../src/capabilities/netns.ts';
import { createVethPair, type VethPair } from '../src/capabilities/veth.ts';
import { inSandbox } from './harness.ts';
import { hostVeths, ipJson, makePod, type Pod } from './namespaces.ts';

/** A kernel before Linux 6.1, which tells nothing back of what it makes. */
function silent(route: RouteConnection, after = () => {}): RouteConnection {
  return Object.assign(Object.create(route) as RouteConnection, {
    createLinkAs(spec: LinkSpec) {
      route.request(newLink(spec));
      after();
      return undefined;
    },
  });
}

describe.skipIf(!inSandbox)('createVethPair() (needs the sandbox: run npm test at the root)', () => {
  let pod: Pod;
  let host: RouteConnection;
  beforeEach(() => {
    pod = makePod();
    host = openRoute();
  });
  afterEach(() => {
    host.close();
    // The kernel takes its time over the links of a namespace that goes.
    deleteHostEnd(sys, 'veth0');
    pod.remove();
  });

  const make = (route: RouteConnection): VethPair => {
    const opened = openPodNamespace(sys, pod.path);
    try {
      return createVethPair(route, sys, { hostName: 'veth0', ifName: 'eth0', netns: opened.fd, mtu: 0 });
    } finally {
      opened.close();
    }
  };

  test.each([
    ['tells back what it makes', (route: RouteConnection) => route],
    ['does not', silent],
  ])('knows both indexes where the kernel %s', (_, kernel) => {
    const { hostIndex, podIndex, hostMac, podMac } = make(kernel(host));
    expect(ipJson('link', 'show', 'dev', 'veth0')).toMatchObject([{ ifindex: hostIndex, address: hostMac }]);
    const inside = JSON.parse(pod.run('ip', '-j', 'link', 'show', 'dev', 'eth0'));
    expect(inside).toMatchObject([{ ifindex: podIndex, address: podMac }]);
  });

  test('leaves nothing when the pair cannot be asked for', () => {
    const deaf = silent(host, () => host.close());
    expect(() => make(deaf)).toThrow();
    expect(hostVeths()).toEqual([]);
  });
});
