import { expect, test } from 'vitest';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { concerns, hostFacts, sameFacts } from './facts.ts';

test('concerns() counts the ports of bridges that routes use, but not those of pods', () => {
  const kernel = new FakeKernel();
  kernel.links.push(
    { index: 3, name: 'cni0', mtu: 1500, up: true },
    { index: 4, name: 'veth1', mtu: 1500, up: true, master: 3 },
    { index: 5, name: 'uplink', mtu: 1500, up: true, master: 2 },
  );
  const connected = kernel.routes[1]!;
  kernel.routes.push({ ...connected, dst: '10.244.1.0/24', oif: 3 });
  const facts = hostFacts(kernel.dump());
  expect([4, 5].map((index) => concerns(facts, { type: 'link', index }))).toEqual([false, true]);
});

test('hostFacts() ignores the Service addresses of kube-proxy in ipvs mode', () => {
  const kernel = new FakeKernel();
  const before = hostFacts(kernel.dump());
  kernel.links.push({ index: 77, name: 'kube-ipvs0', mtu: 1500, up: false, kind: 'dummy' });
  // An address of a Service, one that is this node's too, and one that is another node's.
  for (const address of ['10.96.0.1/32', '192.0.2.1/32', '192.0.2.2/32']) {
    kernel.addresses.push({ index: 77, address });
  }
  const facts = hostFacts(kernel.dump());
  expect([...facts.localAddresses]).toEqual([...before.localAddresses]);
  expect(sameFacts(before, facts)).toBe(true);
});
