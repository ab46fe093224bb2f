import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostVethName, hostVethPrefix } from './names.ts';

describe('hostVethName()', () => {
  test('hostVethName() fits the kernel and starts with the network’s prefix, for any input', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (network, id, ifName) => {
        const name = hostVethName(network, id, ifName);
        expect(name).toMatch(/^veth[0-9a-v]{11}$/);
        expect(name.startsWith(hostVethPrefix(network))).toBe(true);
      }),
    );
  });

  test('hostVethName() is the same in every release: DEL must find what an older ADD made', () => {
    expect(hostVethName('cnikit', '0123456789abcdef', 'eth0')).toBe('vethtac18er6gp3');
  });

  test('hostVethName() returns distinct names for 20,000 similar container IDs', () => {
    const names = new Set(Array.from({ length: 20_000 }, (_, i) => hostVethName('net', `pod-${i}`, 'eth0')));
    expect(names.size).toBe(20_000);
  });

  test.each([
    [
      ['net', 'a', 'eth0'],
      ['net', 'a', 'eth1'],
    ],
    [
      ['net', 'a', 'eth0'],
      ['net', 'b', 'eth0'],
    ],
    [
      ['net', 'a', 'eth0'],
      ['ten', 'a', 'eth0'],
    ],
  ] as [string, string, string][][])('hostVethName(%j) differs from that of %j', (a, b) => {
    expect(hostVethName(...(a as [string, string, string]))).not.toBe(
      hostVethName(...(b as [string, string, string])),
    );
  });
});
