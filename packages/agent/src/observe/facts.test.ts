import { expect, test } from 'vitest';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { hostFacts, sameFacts } from './facts.ts';

test('hostFacts() ignores the Service addresses of kube-proxy in ipvs mode', () => {
  const kernel = new FakeKernel();
  const before = hostFacts(kernel.dump());
  kernel.links.push({ index: 77, name: 'kube-ipvs0', mtu: 1500, up: false });
  // An address of a Service, one that is this node's too, and one that is another node's.
  for (const address of ['10.96.0.1/32', '192.0.2.1/32', '192.0.2.2/32']) {
    kernel.addresses.push({ index: 77, address });
  }
  const facts = hostFacts(kernel.dump());
  expect([...facts.localAddresses]).toEqual([...before.localAddresses]);
  expect(sameFacts(before, facts)).toBe(true);
});
