import { Ipam, memoryStore } from '@cnikit/ipam';
import { describe, expect, test } from 'vitest';
import { HostsFile } from '../hosts-file.ts';

/** Assigns the same addresses in each run: the store starts empty, and round robin is deterministic. */
function pool(subnet = '10.244.1.0/29'): Ipam {
  return new Ipam({ rangeSets: [[{ subnet }], [{ subnet: 'fd00::/64' }]], store: memoryStore() });
}

describe('HostsFile', () => {
  test('HostsFile.text() lists each pod with both families', () => {
    const hosts = new HostsFile(pool());
    hosts.start('c1', 'web');
    hosts.start('c2', 'db');
    hosts.stop('c1');
    expect(hosts.text()).toBe('10.244.1.3 db\nfd00::3 db\n');
  });

  test('HostsFile.text() does not list a pod that got no address', () => {
    const ipam = pool('10.244.1.0/30');
    const hosts = new HostsFile(ipam);
    hosts.start('c1', 'web');
    expect(() => hosts.start('c2', 'db')).toThrow(expect.objectContaining({ code: 'EXHAUSTED' }));
    expect(hosts.text()).toBe('10.244.1.2 web\nfd00::2 web\n');
    expect(ipam.status()).toMatchObject({ full: true });
  });

  test('HostsFile.stop() leaks no addresses', () => {
    const ipam = pool();
    const hosts = new HostsFile(ipam);
    for (const id of ['c1', 'c2', 'c3']) {
      hosts.start(id, id);
    }
    for (const id of ['c3', 'c1', 'c2']) {
      hosts.stop(id);
    }
    expect(ipam.leaks(() => false)).toEqual([]);
  });
});
