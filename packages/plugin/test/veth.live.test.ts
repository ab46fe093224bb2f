import { openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { SysError, sys } from '@cnikit/sys';
import { interpose } from '@cnikit/sys/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deleteHostEnd } from '../src/links/attachment-links.ts';
import { createVethPair, type VethPair } from '../src/links/veth.ts';
import { openPodNamespace } from '../src/netns/pod-namespace.ts';
import { inSandbox } from './harness.ts';
import { hostVeths, ipJson, makePod, type Pod } from './namespaces.ts';

describe.skipIf(!inSandbox)('createVethPair() (needs the sandbox: run npm test at the root)', () => {
  let pod: Pod;
  let host: RtnetlinkConnection;
  beforeEach(() => {
    pod = makePod();
    host = openRtnetlink();
  });
  afterEach(() => {
    host.close();
    // The kernel removes the links of a deleted namespace asynchronously.
    deleteHostEnd(sys, 'veth0');
    pod.remove();
  });

  const make = (route = host): VethPair => {
    const opened = openPodNamespace(sys, pod.path);
    try {
      return createVethPair(route, sys, { hostName: 'veth0', ifName: 'eth0', pod: opened, mtu: 0 });
    } finally {
      opened.close();
    }
  };

  test('createVethPair() returns the index and MAC address of both ends', () => {
    const { hostIndex, podIndex, hostMac, podMac } = make();
    expect(ipJson('link', 'show', 'dev', 'veth0')).toMatchObject([{ ifindex: hostIndex, address: hostMac }]);
    const inside = JSON.parse(pod.run('ip', '-j', 'link', 'show', 'dev', 'eth0'));
    expect(inside).toMatchObject([{ ifindex: podIndex, address: podMac }]);
  });

  test('createVethPair() deletes the pair when it cannot be read', () => {
    const failing = interpose(sys, (_, name) => {
      if (name === 'ifreq') {
        throw new SysError({ syscall: name, errno: 5 });
      }
    });
    using route = openRtnetlink({ sys: failing });
    expect(() => make(route)).toThrow('EIO');
    expect(hostVeths()).toEqual([]);
  });
});
