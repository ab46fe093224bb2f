import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { addressesOf, nothingLeft, warmUp } from './links.ts';
import { isStatic, otherNetwork, smallPool } from './pool.ts';

export const concurrency: Requirement[] = [
  {
    id: 'ADD-11',
    level: 'MUST',
    title: 'Eight concurrent ADDs assign eight addresses, and eight concurrent DELs leave no link',
    async run(subject) {
      if (subject.kind === 'interface') {
        await warmUp(subject);
      }
      const before = subject.links();
      const containers = Array.from({ length: 8 }, () => subject.container());
      const results = await Promise.all(containers.map((container) => subject.add(container)));
      const addresses = results.flatMap(({ result }) => result.ips?.map(({ address }) => address) ?? []);
      if (subject.kind === 'chained' || subject.kind === 'loopback' || addresses.length === 0) {
        return 'all ADDs succeed';
      }
      const distinct = new Set(addresses).size;
      if (isStatic(subject)) {
        skip('The configuration fixes the address');
      }
      expect(distinct === addresses.length, `${addresses.length} addresses, ${distinct} different ones`);
      await Promise.all(containers.map((container) => subject.del(container)));
      nothingLeft(subject, [...before, ...containers.flatMap(({ host }) => host ?? [])]);
      return `${distinct} addresses`;
    },
  },
  {
    id: 'ADD-11b',
    level: 'MUST',
    title: 'DEL removes only its own one of two interfaces of a container (also DEL-4)',
    async run(subject) {
      if (subject.kind !== 'interface') {
        skip('Only for plugins that create an interface');
      }
      if (isStatic(subject)) {
        skip('The configuration fixes the address');
      }
      const conf = otherNetwork(subject, 'second');
      await warmUp(subject);
      await warmUp(subject, { conf });
      const before = subject.links();
      const eth0 = subject.container('eth0');
      const net1 = subject.another(eth0, 'net1');
      await Promise.all([subject.add(eth0), subject.add(net1, { conf })]);
      await subject.del(eth0);
      expect(addressesOf(eth0) === undefined, 'DEL kept its own interface');
      expect(addressesOf(net1) !== undefined, 'DEL removed the other interface too');
      await subject.del(net1, { conf });
      nothingLeft(subject, before);
      return 'each DEL removed one interface';
    },
  },
  {
    id: 'ADD-11c',
    level: 'MUST',
    title: 'Concurrent ADDs and DELs assign free addresses and leak none',
    async run(subject) {
      if (subject.kind !== 'interface' && subject.kind !== 'ipam') {
        skip('The plugin assigns no addresses');
      }
      if (isStatic(subject)) {
        skip('The configuration fixes the address');
      }
      const conf = await smallPool(subject, 'rush', 8);
      const before = subject.links();
      let here = Array.from({ length: 4 }, () => subject.container());
      await Promise.all(here.map((container) => subject.add(container, { conf })));
      for (let round = 0; round < 2; round++) {
        const next = here.map(() => subject.container());
        await Promise.all([
          ...here.map((container) => subject.del(container, { conf })),
          ...next.map((container) => subject.add(container, { conf })),
        ]);
        here = next;
      }
      await Promise.all(here.map((container) => subject.del(container, { conf })));
      if (subject.kind === 'interface') {
        nothingLeft(subject, before);
      }
      // One of these fails unless all eight addresses are free again.
      const all = Array.from({ length: 8 }, () => subject.container());
      for (const container of all) {
        await subject.add(container, { conf });
      }
      return 'four containers at a time, three times';
    },
  },
];
