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

  const make = (podSys = sys): VethPair => {
    const opened = openPodNamespace(podSys, pod.path);
    try {
      return createVethPair(host, sys, { hostName: 'veth0', ifName: 'eth0', pod: opened, mtu: 0 });
    } finally {
      opened.close();
    }
  };

  test('createVethPair() returns the index and a separate MAC address of both ends', () => {
    const { hostIndex, podIndex, hostMac, podMac } = make();
    expect(hostMac).not.toBe(podMac);
    expect(ipJson('link', 'show', 'dev', 'veth0')).toMatchObject([
      { ifindex: hostIndex(), address: hostMac },
    ]);
    const inside = JSON.parse(pod.run('ip', '-j', 'link', 'show', 'dev', 'eth0'));
    expect(inside).toMatchObject([{ ifindex: podIndex, address: podMac }]);
  });

  test('createVethPair() deletes the pair when it cannot be read', () => {
    const failing = interpose(sys, (_, name) => {
      if (name === 'ifreq') {
        throw new SysError({ syscall: name, errno: 5 });
      }
    });
    expect(() => make(failing)).toThrow('EIO');
    expect(hostVeths()).toEqual([]);
  });

  test('createVethPair() returns a pair whose host end is looked up later, and may be gone', () => {
    const pair = make();
    deleteHostEnd(sys, 'veth0');
    expect(() => pair.hostIndex()).toThrow('Link veth0 disappeared during setup');
  });
});
