import { cpSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { upstreamPlugins } from '../../../upstream-plugins.ts';
import { kernelEvents, Lab, ping, ROUTER, sourceSeenBy, startPeerServer, startPing, until } from './index.ts';

const SANDBOX = process.env.CNIKIT_SANDBOX === '1';

/** Upstream's plugins, so that tests of the lab do not depend on our plugin. */
const UPSTREAM = upstreamPlugins()[0]?.dir ?? '/usr/lib/cni';

describe.skipIf(!SANDBOX)('Lab (needs the sandbox: run npm test at the root)', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.create();
    await lab.addNode('n1');
    await lab.addNode('n2');
  });
  afterAll(() => lab?.destroy());
  const node = (name: string) => lab.nodes.get(name)!;

  test.for(['ipv4', 'ipv6'] as const)('ping() reaches nodes, router and outside over %s', async (family) => {
    const n1 = node('n1');
    for (const address of [node('n2').address, ROUTER, lab.outside.address]) {
      expect(await ping(n1, address[family])).toBe(true);
    }
    expect(await ping(n1, family === 'ipv4' ? '10.0.0.99' : 'fd00:10::99', { timeoutMs: 1000 })).toBe(false);
  });

  test('addNode() gives the node its hostname and private directories', async () => {
    writeFileSync(node('n1').path('/etc/cni/net.d/x'), '');
    expect(await node('n1').must(['hostname'])).toBe('n1\n');
    expect(await node('n1').must(['ls', '/etc/cni/net.d'])).toBe('x\n');
    expect(await node('n2').must(['ls', '/etc/cni/net.d'])).toBe('');
    await node('n1').must(['rm', '/etc/cni/net.d/x']);
  });

  test.for([
    ['tcp', 'ipv4'],
    ['tcp', 'ipv6'],
    ['udp', 'ipv4'],
    ['udp', 'ipv6'],
  ] as const)('sourceSeenBy() returns the source address by %s over %s', async ([protocol, family]) => {
    const server = await startPeerServer(lab.outside);
    const at = { address: lab.outside.address[family], port: server.port };
    expect(await sourceSeenBy(node('n2'), at, protocol)).toBe(node('n2').address[family]);
    await server.stop();
  });

  test('addPod() runs ADD of a chain and removePod() runs DEL, with and without the namespace', async () => {
    const n1 = node('n1');
    cpSync(`${UPSTREAM}/`, n1.path('/opt/cni/bin'), { recursive: true });
    const ipam = { type: 'host-local', dataDir: '/run/ipam', ranges: [[{ subnet: '10.244.1.0/24' }]] };
    const conf = {
      cniVersion: '0.4.0',
      cniVersions: ['1.0.0', '9.9.9'],
      name: 'lab',
      plugins: [
        { type: 'bridge', bridge: 'cni0', isDefaultGateway: true, ipam },
        { type: 'tuning', sysctl: { 'net.ipv4.conf.eth0.arp_filter': '1' } },
      ],
    };
    writeFileSync(n1.path('/etc/cni/net.d/10-lab.conflist'), JSON.stringify(conf));
    const a = await n1.addPod('a');
    const b = await n1.addPod('b');
    expect(a.conf.cniVersion).toBe('1.0.0');
    expect([a.ip4or6('ipv4'), b.ip4or6('ipv4')]).toEqual(['10.244.1.2', '10.244.1.3']);
    expect(await ping(a, '10.244.1.3')).toBe(true);
    await a.check();

    const steady = await startPing(a, '10.244.1.3');
    await n1.must(['ip', 'link', 'show', 'cni0']);
    expect(await steady.stop()).toMatchObject({ lost: 0, longestGap: 0 });

    await n1.removePod('a');
    await n1.removePod('b', { netnsGone: true });
    expect(await n1.must(['ls', '/run/netns'])).toBe('');
    const veths = () => n1.ipJson('link', 'show', 'type', 'veth').then((links) => links.length === 1);
    await until('eth0 to be the only veth left', veths, { wakes: [kernelEvents(n1, ['link'])] });
    expect((await n1.must(['ls', '/run/ipam/lab'])).split('\n').filter((name) => /^\d/.test(name))).toEqual(
      [],
    );
  });

  test('addPod() throws the error of the plugin and leaves no namespace', async () => {
    const n2 = node('n2');
    await expect(n2.addPod('a')).rejects.toMatchObject({ code: 'NO_CONFLIST' });
    cpSync(`${UPSTREAM}/`, n2.path('/opt/cni/bin'), { recursive: true });
    const conf = {
      cniVersion: '1.0.0',
      name: 'lab',
      plugins: [{ type: 'bridge', ipam: { type: 'nothing' } }],
    };
    writeFileSync(n2.path('/etc/cni/net.d/10-lab.conflist'), JSON.stringify(conf));
    await expect(n2.addPod('a')).rejects.toMatchObject({ code: 'PLUGIN_FAILED', message: /nothing/ });
    expect(await n2.must(['ls', '/run/netns'])).toBe('');
  });

  test('removeNode() removes the link and kills the processes of the node', async () => {
    const n3 = await lab.addNode('n3');
    const child = n3.start(['sleep', 'infinity']);
    await lab.removeNode('n3');
    expect(child.signalCode).toBe('SIGKILL');
    expect(await ping(node('n1'), n3.address.ipv4, { timeoutMs: 1000 })).toBe(false);
  });

  test('until() throws TIMEOUT that names the condition', async () => {
    await expect(until('nothing at all', () => false, { timeoutMs: 10 })).rejects.toThrow(
      /waiting for nothing at all/,
    );
  });
});

test.skipIf(SANDBOX)('Lab.create() throws NO_SANDBOX outside a sandbox', async () => {
  await expect(Lab.create()).rejects.toMatchObject({ code: 'NO_SANDBOX' });
});
