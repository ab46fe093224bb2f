/** WireGuard's devices, whose packets and limits only a kernel with WireGuard has. */
import { sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import { createNetns, deleteNetns, newAddress, newLink, openRtnetlink, setLink } from '../src/index.ts';
import { NO_KEY, openWireGuard } from '../src/wireguard.ts';
import { freshRoute, liveOnFullKernel, run } from './live.ts';

/** A private key, and what the kernel makes of it. */
const PRIVATE_KEY = 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=';
const CLAMPED = 'AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=';

liveOnFullKernel('WireGuard on a full kernel', () => {
  const route = freshRoute();

  test('setDevice() of both ends lets packets pass, and device() shows the handshake', () => {
    const rt = route();
    const netns = sys.open(createNetns('far'), 0);
    const far = openRtnetlink({ netns });
    const ends = [openWireGuard(), openWireGuard({ netns })] as const;
    try {
      rt.request(setLink({ name: 'lo', up: true }));
      rt.request(newLink({ kind: 'wireguard', name: 'wg0' }));
      rt.request(newLink({ kind: 'wireguard', name: 'wg1' }));
      // Its socket stays here.
      rt.request(setLink({ name: 'wg1', netns }));
      const keys = [PRIVATE_KEY, Buffer.alloc(32, 8).toString('base64')] as const;
      const names = ['wg0', 'wg1'] as const;
      for (const [i, end] of ends.entries()) {
        end.setDevice({ name: names[i]!, privateKey: keys[i]!, listenPort: 51820 + i });
      }
      const [near, other] = ends.map((end, i) => end.device({ name: names[i]! })!);
      expect(near).toMatchObject({
        name: 'wg0',
        privateKey: CLAMPED,
        listenPort: 51820,
        fwmark: 0,
        peers: [],
      });
      for (const [i, end] of ends.entries()) {
        const { publicKey } = [other!, near!][i]!;
        const endpoint = { address: '127.0.0.1', port: 51821 - i };
        const peer = { publicKey: publicKey!, presharedKey: CLAMPED, endpoint, persistentKeepalive: 25 };
        end.setDevice({
          name: names[i]!,
          peers: [{ ...peer, allowedIps: [`192.0.2.${2 - i}`, 'fd00::/8'] }],
        });
      }
      for (const [i, connection] of [rt, far].entries()) {
        connection.request(setLink({ name: names[i]!, up: true }));
        const { index } = connection.link({ name: names[i]! })!;
        connection.request(newAddress({ index, address: `192.0.2.${1 + i}/24` }));
      }
      expect(run('ping -c 1 -W 30 192.0.2.2')).toContain('1 received');
      const device = ends[0].device({ name: 'wg0' })!;
      const [peer] = device.peers;
      expect(peer).toMatchObject({
        presharedKey: CLAMPED,
        endpoint: { address: '127.0.0.1', port: 51821 },
        persistentKeepalive: 25,
        protocolVersion: 1,
        lastHandshake: expect.any(Date),
      });
      expect(new Set(peer!.allowedIps)).toEqual(new Set(['192.0.2.2/32', 'fd00::/8']));
      expect(Number(peer!.rxBytes)).toBeGreaterThan(0);
      // Given back.
      ends[0].setDevice({ ...device, replacePeers: true });
      const { lastHandshake, rxBytes, txBytes, ...settings } = peer!;
      expect(ends[0].device({ name: 'wg0' })).toMatchObject({ ...device, peers: [settings] });
      // Removed.
      const { publicKey } = peer!;
      ends[0].setDevice({ name: 'wg0', privateKey: NO_KEY, peers: [{ publicKey, presharedKey: NO_KEY }] });
      const bare = ends[0].device({ name: 'wg0' })!;
      expect(bare).not.toHaveProperty('privateKey');
      expect(bare).not.toHaveProperty('publicKey');
      expect(bare.peers[0]).not.toHaveProperty('presharedKey');
      ends[0].setDevice({ name: 'wg0', peers: [{ publicKey, remove: true }] });
      expect(ends[0].device({ name: 'wg0' })!.peers).toEqual([]);
    } finally {
      far.close();
      for (const end of ends) {
        end.close();
      }
      sys.close(netns);
      deleteNetns('far');
    }
  });

  test('device() reads 2,000 allowed IPs and 300 peers that setDevice() has set', () => {
    route().request(newLink({ kind: 'wireguard', name: 'wg0' }));
    using wireGuard = openWireGuard();
    const name = 'wg0';
    const networks = Array.from({ length: 2000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    const keyOf = (i: number) => Buffer.from(`${i}`.padStart(32, '.')).toString('base64');
    const peers = Array.from({ length: 300 }, (_, i) => ({
      publicKey: keyOf(i),
      allowedIps: i === 7 ? networks : [`fd00::${i}/128`],
    }));
    wireGuard.setDevice({ name, replacePeers: true, peers });
    const read = () =>
      new Map(wireGuard.device({ name })!.peers.map((one) => [one.publicKey, one.allowedIps]));
    const all = read();
    expect([...all.keys()].sort()).toEqual(peers.map(({ publicKey }) => publicKey).sort());
    expect([...all.get(keyOf(7))!].sort()).toEqual([...networks].sort());
    expect(all.get(keyOf(8))).toEqual(['fd00::8/128']);
    const [first, ...rest] = networks;
    wireGuard.setDevice({
      name,
      peers: [
        { publicKey: keyOf(7), replaceAllowedIps: true, allowedIps: rest },
        { publicKey: keyOf(8), allowedIps: [first!] },
        { publicKey: keyOf(9), remove: true },
        { publicKey: keyOf(999), updateOnly: true, allowedIps: networks },
      ],
    });
    const changed = read();
    expect(changed.get(keyOf(7))).toHaveLength(1999);
    expect(changed.get(keyOf(8))!.sort()).toEqual([first, 'fd00::8/128']);
    expect([changed.has(keyOf(9)), changed.has(keyOf(999)), changed.size]).toEqual([false, false, 299]);
  });

  test('device() returns undefined for a name without link, and throws for another kind', () => {
    route().request(newLink({ kind: 'dummy', name: 'd0' }));
    using wireGuard = openWireGuard();
    expect(wireGuard.supported).toBe(true);
    expect(wireGuard.device({ name: 'none' })).toBeUndefined();
    expect(() => wireGuard.device({ name: 'd0' })).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP' }));
    expect(() => wireGuard.setDevice({ name: 'none' })).toThrow(/set WireGuard device none: ENODEV/);
  });
});
