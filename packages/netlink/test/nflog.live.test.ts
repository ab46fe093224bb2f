import { createSocket } from 'node:dgram';
import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { beforeEach, expect, test } from 'vitest';
import { type LogEvent, monitorLog, packetHeader } from '../src/nflog.ts';
import { live, run } from './live.ts';

live('nflog on a kernel', () => {
  beforeEach(() => {
    sys.unshare(CLONE_NEWNET);
    run('ip link set lo up');
    run('nft add table inet t');
    run('nft add chain inet t out { type filter hook output priority 0; }');
    run('nft add rule inet t out udp dport 53 log prefix "to-dns" group 7');
  });

  /** Sends a datagram to the port 53 of this host. */
  async function send(text: string): Promise<void> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.send(text, 53, '127.0.0.1', () => resolve()));
    socket.close();
  }

  test('monitorLog() reports each logged packet with its hook, prefix and first bytes', async () => {
    const events = monitorLog({ group: 7, snaplen: 64 });
    await send('x'.repeat(1000));
    const { value } = (await events.next()) as { value: LogEvent };
    expect(value).toMatchObject({ type: 'packet', family: 'ip', hook: 'output', prefix: 'to-dns', uid: 0 });
    const { packet, outputIndex } = value as Extract<LogEvent, { type: 'packet' }>;
    expect(packet).toHaveLength(64);
    expect(outputIndex).toBe(1);
    expect(packetHeader(packet)).toMatchObject({
      source: '127.0.0.1',
      destination: '127.0.0.1',
      protocol: 17,
      destinationPort: 53,
    });
    events.close();
    await send('later');
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });

  test('monitorLog() fails while another listener has the group, and takes it over after it', async () => {
    const first = monitorLog({ group: 7 });
    expect(() => monitorLog({ group: 7 })).toThrow(/bind log group 7.*(EBUSY|EPERM)/);
    monitorLog({ group: 8 }).close();
    first.close();
    const second = monitorLog({ group: 7 });
    await send('again');
    expect(await second.next()).toMatchObject({ value: { type: 'packet', prefix: 'to-dns' } });
    second.close();
  });

  test.each([{ group: -1 }, { group: 65_536 }, { group: 1, snaplen: 0.5 }])(
    'monitorLog() refuses %j',
    (options) => {
      expect(() => monitorLog(options)).toThrow('is not an integer from 0 to 65535');
    },
  );
});
