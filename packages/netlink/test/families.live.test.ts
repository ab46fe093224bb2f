import type { Family } from '@cnikit/ip';
import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { beforeEach, expect, test } from 'vitest';
import { NLM_F_CREATE } from '../src/codec/ack.ts';
import {
  changeFlows,
  deleteFlows,
  delFlow,
  type Flow,
  type FlowFilter,
  flowsOf,
  getFlows,
  openConntrack,
  updateFlow,
  updateFlows,
} from '../src/conntrack.ts';
import { openGeneric } from '../src/generic.ts';
import { createNetns, deleteNetns, listNetns, openRtnetlink } from '../src/index.ts';
import { openIpSet } from '../src/ipset.ts';
import { monitorConntrack } from '../src/monitor.ts';
import { live, run } from './live.ts';

live('conntrack on a kernel', () => {
  beforeEach(() => sys.unshare(CLONE_NEWNET));

  test('flows() lists and delete() removes flows that `conntrack` created', () => {
    const insert = (args: string) => run(`conntrack -I -t 600 ${args}`);
    insert('-p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 53 --mark 7');
    insert('-p udp -s 10.0.0.1 -d 10.0.0.3 --sport 1001 --dport 53');
    insert(
      '-p udp -s 10.0.0.1 -d 10.96.0.1 --sport 1002 --dport 53 --reply-src 10.0.0.3 --reply-dst 10.0.0.1 --reply-port-src 5353 --reply-port-dst 1002',
    );
    insert('-p udp -s fd00::1 -d fd00::2 --sport 1000 --dport 53');
    const conntrack = openConntrack();
    const flows = conntrack.flows('ipv4');
    expect(flows).toHaveLength(3);
    expect(flows.find(({ mark }) => mark === 7)).toMatchObject({
      family: 'ipv4',
      original: {
        source: '10.0.0.1',
        destination: '10.0.0.2',
        protocol: 17,
        sourcePort: 1000,
        destinationPort: 53,
      },
      reply: { source: '10.0.0.2', destination: '10.0.0.1', sourcePort: 53, destinationPort: 1000 },
    });
    expect(conntrack.flows('ipv6')).toMatchObject([{ family: 'ipv6', original: { destination: 'fd00::2' } }]);
    // Also the one whose service address leads to the pod.
    expect(conntrack.delete('ipv4', ({ reply }) => reply.source === '10.0.0.3')).toBe(2);
    expect(conntrack.flows('ipv4')).toHaveLength(1);
    expect(conntrack.delete('ipv6', () => true)).toBe(1);
    expect(conntrack.delete('ipv6', () => true)).toBe(0);
    conntrack.close();
  });

  test('flowsOf() finds an address in both directions, before and after NAT, and nothing else', () => {
    const insert = (args: string) => run(`conntrack -I -t 600 -p udp --sport 1000 --dport 53 ${args}`);
    insert('-s 10.0.0.1 -d 10.0.0.2');
    insert('-s 10.0.0.3 -d 10.0.0.1');
    insert(
      '-s 10.0.0.3 -d 10.96.0.1 --reply-src 10.0.0.1 --reply-dst 10.0.0.3 --reply-port-src 5353 --reply-port-dst 1000',
    );
    insert('-s 10.0.0.3 -d 10.0.0.2');
    insert('-s fd00::1 -d fd00::2');
    insert('-s fd00::3 -d fd00::2');
    const conntrack = openConntrack();
    const own = flowsOf(conntrack, 'ipv4', new Set(['10.0.0.1', 'fd00::1']));
    expect(own.map(({ original }) => `${original.source} ${original.destination}`).sort()).toEqual([
      '10.0.0.1 10.0.0.2',
      '10.0.0.3 10.0.0.1',
      '10.0.0.3 10.96.0.1',
    ]);
    expect(changeFlows(conntrack, own.slice(0, 1), { mark: 0x40, markMask: 0xf0 })).toBe(1);
    expect(conntrack.flows('ipv4', ({ mark }) => mark === 0x40)).toHaveLength(1);
    expect(deleteFlows(conntrack, own)).toBe(3);
    expect(deleteFlows(conntrack, own)).toBe(0);
    expect(conntrack.flows('ipv4')).toMatchObject([{ original: { source: '10.0.0.3' } }]);
    expect(flowsOf(conntrack, 'ipv6', new Set(['fd00::1']))).toHaveLength(1);
    expect(flowsOf(conntrack, 'ipv6', new Set())).toEqual([]);
    conntrack.close();
  });

  test('updateFlows() changes mark and timeout, which monitorConntrack() reports', async () => {
    const events = monitorConntrack();
    run('conntrack -I -t 600 -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 53 --mark 0x11');
    run('conntrack -I -t 600 -p udp -s 10.0.0.1 -d 10.0.0.3 --sport 1000 --dport 53 --mark 0x11');
    const conntrack = openConntrack();
    const second = ({ original }: Flow) => original.destination === '10.0.0.3';
    expect(updateFlows(conntrack, 'ipv4', second, { mark: 0x233, markMask: 0xf00, timeout: 5000 })).toBe(1);
    const [changed] = conntrack.flows('ipv4', second);
    expect(changed).toMatchObject({ mark: 0x211 });
    expect(changed!.timeout).toBeGreaterThan(4000);
    expect(conntrack.flows('ipv4', (flow) => !second(flow))).toMatchObject([{ mark: 0x11 }]);
    expect(updateFlows(conntrack, 'ipv6', () => true, { mark: 1 })).toBe(0);
    conntrack.delete('ipv4', second);
    expect(() => conntrack.connection.request(updateFlow(changed!, { mark: 1 }))).toThrow(/ENOENT/);
    conntrack.close();
    events.close();
    const seen: string[] = [];
    for await (const event of events) {
      if (event.type === 'flow') {
        const { action, flow } = event;
        seen.push(`${action} ${flow.original.destination} ${flow.mark}`);
      }
    }
    expect(seen).toEqual([
      'new 10.0.0.2 17',
      'new 10.0.0.3 17',
      'update 10.0.0.3 529',
      'destroy 10.0.0.3 529',
    ]);
  });

  test('flows() names the connection whose helper expected one', () => {
    const family = 'ipv4';
    const master = {
      ...{ source: '10.0.0.1', destination: '10.0.0.2', protocol: 17 },
      ...{ sourcePort: 1000, destinationPort: 69 },
    };
    const child = { ...master, sourcePort: 3000, destinationPort: 2000 };
    const reply = {
      ...{ source: child.destination, destination: child.source, protocol: 17 },
      ...{ sourcePort: child.destinationPort, destinationPort: child.sourcePort },
    };
    run('conntrack -I -t 600 -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 69');
    const request = updateFlow({ family, original: child }, { timeout: 600 });
    /** The attribute of a tuple under another number: CTA_TUPLE_REPLY, CTA_TUPLE_MASTER. */
    const tuple = (original: Flow['original'], type: number) => {
      const attribute = delFlow({ family, original }).payload.slice(4);
      attribute[2] = type;
      return attribute;
    };
    const conntrack = openConntrack();
    const payload = Buffer.concat([request.payload, tuple(reply, 2), tuple(master, 14)]);
    conntrack.connection.request({ ...request, payload, flags: NLM_F_CREATE });
    const [made] = conntrack.flows(family, ({ original }) => original.sourcePort === 3000);
    expect(made).toMatchObject({ original: child, master });
    expect(conntrack.flows(family, ({ original }) => original.sourcePort === 1000)[0]).not.toHaveProperty(
      'master',
    );
    conntrack.close();
  });

  test('updateFlow() sets labels of a connection that has room for them', () => {
    run('nft add table ip t');
    run('nft add chain ip t c');
    run('nft add rule ip t c ct label set 3');
    run('conntrack -I -t 600 -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 53');
    const conntrack = openConntrack();
    const labels = new Uint8Array(16).fill(0xff);
    const labelsMask = Uint8Array.of(0x20, ...new Uint8Array(15));
    updateFlows(conntrack, 'ipv4', () => true, { labels, labelsMask });
    expect(conntrack.flows('ipv4')[0]!.labels?.[0]).toBe(0x20);
    conntrack.close();
  });

  test.each([
    [{}, /needs a mark, labels or a timeout/],
    [{ markMask: 1 }, /markMask needs a mark/],
    [{ timeout: 1, labelsMask: new Uint8Array(16) }, /labelsMask needs labels/],
    [{ labels: new Uint8Array(4) }, /labels has 4 bytes: expected 16/],
    [{ mark: -1 }, /mark \(CTA_MARK\): -1 is out of range/],
  ])('updateFlow() refuses %j', (change, message) => {
    const original = { source: '10.0.0.1', destination: '10.0.0.2', protocol: 17 };
    expect(() => updateFlow({ family: 'ipv4', original }, change)).toThrow(message);
  });

  test.each([
    ['ipv4', { protocol: 17, destinationPort: 53 }, 2],
    ['ipv6', { protocol: 17, destinationPort: 53 }, 2],
    ['ipv4', { protocol: 17, destinationPort: 53, destination: '10.0.0.2' }, 1],
    ['ipv4', { protocol: 17 }, 3],
    ['ipv4', { protocol: 132, destinationPort: 53 }, 0],
    ['ipv6', { protocol: 17, destinationPort: 53, destination: 'fd00::2' }, 1, 2],
  ] as [Family, FlowFilter, number, number?][])(
    'the kernel itself narrows %s flows by %j, but for IPv6 addresses',
    (family, filter, count, told = count) => {
      for (const [destination, port] of [
        ['10.0.0.2', 53],
        ['10.0.0.3', 53],
        ['10.0.0.3', 54],
        ['fd00::2', 53],
        ['fd00::3', 53],
      ] as const) {
        const source = destination.includes(':') ? 'fd00::1' : '10.0.0.1';
        run(`conntrack -I -t 600 -p udp -s ${source} -d ${destination} --sport 1000 --dport ${port}`);
      }
      const conntrack = openConntrack();
      let heard = 0;
      conntrack.connection.dump(getFlows(family, filter), () => void heard++);
      expect(heard).toBe(told);
      expect(conntrack.flows(family, undefined, filter)).toHaveLength(count);
      expect(conntrack.delete(family, () => true, filter)).toBe(count);
      conntrack.close();
    },
  );
});

live('generic netlink on a kernel', () => {
  test('family() finds a family by its name', () => {
    const generic = openGeneric();
    const control = generic.family('nlctrl')!;
    expect(control).toMatchObject({ id: 16, name: 'nlctrl', version: 2 });
    expect(control.operations.map(({ command }) => command)).toContain(3);
    expect(control.groups).toMatchObject([{ name: 'notify' }]);
    expect(generic.family('no-such-family')).toBeUndefined();
    const names = generic.families().map(({ name }) => name);
    expect(names).toContain('nlctrl');
    expect(run('genl ctrl list').match(/^Name: /gm)).toHaveLength(names.length);
    generic.close();
  });
});

live('named namespaces', () => {
  beforeEach(() => sys.unshare(CLONE_NEWNET));

  test('createNetns() and `ip netns` see each other’s names', () => {
    const before = sys.readlink('/proc/thread-self/ns/net');
    const path = createNetns('ours');
    expect(path).toBe('/run/netns/ours');
    run('ip netns add theirs');
    expect(listNetns()).toEqual(['ours', 'theirs']);
    expect(run('ip netns list').match(/^\w+/gm)?.sort()).toEqual(['ours', 'theirs']);
    expect(run('ip netns exec ours ip -br link')).toMatch(/^lo /);
    const inside = openRtnetlink({ netns: path });
    expect(inside.links().filter(({ name }) => name === 'lo')).toMatchObject([{ name: 'lo', up: false }]);
    inside.close();
    expect(sys.readlink('/proc/thread-self/ns/net')).toBe(before);
    expect(() => createNetns('ours')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    deleteNetns('ours');
    deleteNetns('theirs');
    expect(listNetns()).toEqual([]);
    expect(() => deleteNetns('ours')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  test.each(['', '.', '..', 'a/b', 'x'.repeat(256)])('createNetns() refuses a bad name (%#)', (name) => {
    expect(() => createNetns(name)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  test('listNetns() returns an empty list when the directory does not exist', () => {
    expect(listNetns({ directory: '/run/nothing' })).toEqual([]);
  });
});

live('ipset on a kernel', () => {
  beforeEach(() => sys.unshare(CLONE_NEWNET));

  test.each([
    ['ipv4', ['10.244.1.0/24', '192.0.2.7/32', '128.0.0.0/1']],
    ['ipv6', ['fd00:10::/64', '2001:db8::7/128']],
  ] as [Family, string[]][])(
    '%s: what `ipset` lists is what was put in, one at a time',
    (family, prefixes) => {
      using ipset = openIpSet();
      expect(ipset.supported).toBe(true);
      const set = { name: 'pods' };
      expect(ipset.elements(set)).toBeUndefined();
      ipset.create({ ...set, family, maxElements: 100_000 });
      expect(() => ipset.create({ ...set, family })).toThrow(expect.objectContaining({ code: 'EEXIST' }));
      ipset.change(set, { add: prefixes });
      // Again, and away with what is not there.
      ipset.change(set, {
        add: prefixes.slice(0, 1),
        remove: [family === 'ipv4' ? '10.9.0.0/16' : 'fd99::/64'],
      });
      expect(ipset.elements(set)!.sort()).toEqual([...prefixes].sort());
      const save = run('ipset save pods');
      expect(save).toContain('maxelem 100000');
      for (const prefix of prefixes) {
        expect(save).toContain(`add pods ${prefix.replace(/\/(32|128)$/, '')}`);
      }
      ipset.change(set, { remove: prefixes.slice(1) });
      expect(ipset.elements(set)).toEqual(prefixes.slice(0, 1));
      expect(ipset.destroy(set)).toBe(true);
      expect(ipset.destroy(set)).toBe(true);
      expect(ipset.elements(set)).toBeUndefined();
    },
  );

  test('elements() returns ten thousand elements, and a set in use cannot be deleted', () => {
    using ipset = openIpSet();
    ipset.create({ name: 'many', family: 'ipv4' });
    const add = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    ipset.change({ name: 'many' }, { add });
    expect(new Set(ipset.elements({ name: 'many' }))).toEqual(new Set(add));
    run('iptables -t nat -A POSTROUTING -m set --match-set many dst -j RETURN');
    expect(ipset.destroy({ name: 'many' })).toBe(false);
  });
});
