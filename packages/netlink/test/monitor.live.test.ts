import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { beforeEach, expect, test } from 'vitest';
import { newLink, newRoute, openRtnetlink } from '../src/index.ts';
import { monitor, monitorNftables, type NftEvent } from '../src/monitor.ts';
import { live, run } from './live.ts';

live('monitorNftables()', () => {
  beforeEach(() => sys.unshare(CLONE_NEWNET));

  /** The changes up to the deletion of a table of that name, as short lines. */
  async function heard(changes: AsyncIterable<NftEvent | { type: 'overflow' }>): Promise<string[]> {
    const lines: string[] = [];
    for await (const change of changes) {
      if (change.type !== 'nftables') {
        continue;
      }
      const { action, object, family, table, chain } = change;
      if (table === 'end') {
        break;
      }
      lines.push([action, object, family, table, ...(chain === undefined ? [] : [chain])].join(' '));
    }
    return lines;
  }

  test('monitorNftables() reports the changes of nft and iptables-nft', async () => {
    const changes = monitorNftables();
    run('nft add table inet t');
    run('nft add chain inet t c');
    run('nft add rule inet t c counter accept');
    run('nft add set inet t s { type ipv4_addr ; }');
    run('nft add element inet t s { 192.0.2.1 }');
    run('nft flush chain inet t c');
    run('iptables-nft -A FORWARD -s 192.0.2.1 -j DROP');
    run('iptables-nft -F FORWARD');
    run('nft add table inet end');
    expect(await heard(changes)).toEqual([
      'new table inet t',
      'new chain inet t c',
      'new rule inet t c',
      'new set inet t',
      'new element inet t',
      'del rule inet t c',
      'new table ip filter',
      'new chain ip filter FORWARD',
      'new rule ip filter FORWARD',
      'del rule ip filter FORWARD',
    ]);
  });
});

live('monitor() with ignorePort', () => {
  test('monitor() ignores only the changes of `ignorePort`', async () => {
    sys.unshare(CLONE_NEWNET);
    using rt = openRtnetlink();
    using other = openRtnetlink();
    const { index } = rt.createLink({ kind: 'bridge', name: 'br0', up: true })!;
    const changes = monitor({ groups: ['ipv4-route'], ignorePort: rt.connection.port });
    rt.request(newRoute({ dst: '192.0.2.0/24', oif: index }));
    other.request(newRoute({ dst: '198.51.100.0/24', oif: index }));
    for await (const change of changes) {
      expect(change).toMatchObject({ type: 'route', route: { dst: '198.51.100.0/24' } });
      break;
    }
  });
});

live('Monitor.close()', () => {
  test('close() keeps the changes that the kernel has delivered', async () => {
    sys.unshare(CLONE_NEWNET);
    using rt = openRtnetlink();
    const changes = monitor({ groups: ['link'] });
    const aborted = new AbortController();
    const others = monitor({ groups: ['link'], signal: aborted.signal });
    rt.request(newLink({ kind: 'bridge', name: 'br0' }));
    changes.close();
    aborted.abort();
    rt.request(newLink({ kind: 'bridge', name: 'br1' }));
    for (const each of [changes, others]) {
      const names: string[] = [];
      for await (const change of each) {
        names.push(change.type === 'link' ? change.link.name : change.type);
      }
      expect(names).toEqual(['br0']);
    }
  });
});

live('monitor() of settings', () => {
  beforeEach(() => sys.unshare(CLONE_NEWNET));

  test('monitor() reports forwarding and rp_filter of links, and of all', async () => {
    const rt = openRtnetlink();
    rt.request(newLink({ kind: 'veth', name: 'conf0', peer: { name: 'conf1' } }));
    const { index } = rt.link({ name: 'conf0' })!;
    // A new namespace inherits the machine's settings, and the kernel reports changes only.
    run('sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv4.conf.conf0.rp_filter=0');
    const changes = monitor({ groups: ['ipv4-netconf', 'ipv6-netconf'] });
    run('sysctl -qw net.ipv4.conf.conf0.rp_filter=1');
    run('sysctl -qw net.ipv4.conf.conf0.forwarding=1');
    run('sysctl -qw net.ipv4.conf.conf0.forwarding=0');
    run('sysctl -qw net.ipv4.ip_forward=1');
    run('sysctl -qw net.ipv6.conf.all.forwarding=1');
    const heard: unknown[] = [];
    for await (const change of changes) {
      if (change.type === 'netconf') {
        heard.push(change.netconf);
        if (change.netconf.family === 'ipv6' && change.netconf.link === 'all') {
          break;
        }
      }
    }
    for (const expected of [
      { family: 'ipv4', link: index, forwarding: true },
      { family: 'ipv4', link: index, rpFilter: 1 },
      { family: 'ipv4', link: index, forwarding: false },
      { family: 'ipv4', link: 'all', forwarding: true },
      { family: 'ipv4', link: 'default', forwarding: true },
      { family: 'ipv6', link: 'all', forwarding: true },
    ]) {
      expect(heard).toContainEqual(expected);
    }
    rt.close();
  });
});
