import { newLink } from '@cnikit/netlink';
import { within } from '../netns.ts';
import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { failedWith } from '../subject.ts';
import { addressesOf, nothingLeft, warmUp } from './links.ts';

export const add: Requirement[] = [
  {
    id: 'ADD-1',
    level: 'MUST',
    title: 'ADD prints one result object and nothing else on stdout',
    async run(subject) {
      const { result } = await subject.add(subject.container());
      return `${result.interfaces?.length ?? 0} interfaces, ${result.ips?.length ?? 0} addresses, ${result.routes?.length ?? 0} routes`;
    },
  },
  {
    id: 'ADD-3',
    level: 'MUST',
    title: 'ADD creates CNI_IFNAME with the addresses of the result, and sandbox equals CNI_NETNS',
    async run(subject) {
      if (subject.kind === 'ipam') {
        skip('An IPAM plugin creates no interface');
      }
      const container = subject.container('cnx0');
      const { result } = await subject.add(container);
      const index = result.interfaces?.findIndex((one) => one.name === container.ifName && one.sandbox) ?? -1;
      expect(index >= 0, 'the result has no interface of that name with a sandbox');
      expect(
        result.interfaces?.[index]?.sandbox === container.netns,
        `sandbox is ${result.interfaces?.[index]?.sandbox}`,
      );
      const inside = addressesOf(container);
      expect(inside !== undefined, 'the namespace has no such interface');
      for (const ip of result.ips ?? []) {
        expect(
          ip.interface !== index || inside.includes(ip.address),
          `the interface does not have ${ip.address}`,
        );
      }
      return `${container.ifName} ${inside.join(' ')}`;
    },
  },
  {
    id: 'ADD-4',
    level: 'MUST',
    title: 'ADD fails when CNI_IFNAME exists, and does not change it',
    async run(subject) {
      if (subject.kind !== 'interface') {
        skip('Only for plugins that create an interface');
      }
      const container = subject.container();
      within(container.netns, (rt) => rt.request(newLink({ kind: 'bridge', name: container.ifName })));
      const foreign = subject.links(container.netns);
      const code = failedWith(await subject.run('ADD', container));
      expect(same(subject.links(container.netns), foreign), 'ADD changed the links in the namespace');
      const second = subject.container();
      await subject.add(second);
      const before = addressesOf(second);
      failedWith(await subject.run('ADD', second));
      expect(before?.join() === addressesOf(second)?.join(), 'a second ADD changed the first interface');
      return code;
    },
  },
  {
    id: 'ADD-5',
    level: 'MUST',
    title: 'ADD with prevResult prints it with the changes of the plugin',
    async run(subject) {
      if (subject.kind !== 'chained') {
        skip('Only for chained plugins');
      }
      const container = subject.container();
      const { result } = await subject.add(container);
      const names = result.interfaces?.map(({ name }) => name) ?? [];
      expect(
        [container.host!, container.ifName].every((name) => names.includes(name)),
        `interfaces: ${names.join(', ')}`,
      );
      expect(
        result.ips?.[0]?.address === '10.99.1.5/24',
        `addresses: ${result.ips?.map(({ address }) => address).join(', ')}`,
      );
      return `interfaces ${names.join(', ')}`;
    },
  },
  {
    id: 'ADD-6',
    level: 'MUST',
    title: 'ADD of a chained plugin fails when prevResult is missing or null',
    async run(subject) {
      if (subject.kind !== 'chained') {
        skip('The plugin can run alone');
      }
      for (const prevResult of [undefined, null]) {
        failedWith(await subject.run('ADD', subject.container(), { conf: { prevResult } }));
      }
      return 'refused';
    },
  },
  {
    id: 'ADD-7',
    level: 'SHOULD',
    title: 'ADD accepts a prevResult of another version with the same format',
    async run(subject) {
      if (subject.kind !== 'chained') {
        skip('Only for chained plugins');
      }
      if (!['0.3.1', '0.4.0'].every((version) => subject.testedVersions.includes(version))) {
        skip('The plugin does not support both 0.3.1 and 0.4.0');
      }
      const container = subject.container();
      await subject.add(container, {
        version: '0.4.0',
        conf: { prevResult: subject.chainResult(container, '0.3.1') },
      });
      return '0.3.1 in a 0.4.0 configuration';
    },
  },
  {
    id: 'ADD-8',
    level: 'MUST',
    title: 'ips[].interface is absent or a valid index into interfaces',
    async run(subject) {
      const { result } = await subject.add(subject.container());
      const count = result.interfaces?.length ?? 0;
      const indexes = (result.ips ?? []).map((ip) => ip.interface);
      expect(
        indexes.every((index) => index === undefined || (index >= 0 && index < count)),
        `indexes ${indexes.join(', ')} of ${count}`,
      );
      if (subject.kind === 'ipam') {
        expect(
          count === 0 && indexes.every((index) => index === undefined),
          'the result of an IPAM plugin has interfaces',
        );
      }
      return indexes.length === 0
        ? 'no addresses'
        : `indexes ${indexes.map((index) => index ?? 'absent').join(', ')} of ${count}`;
    },
  },
  {
    id: 'ADD-9',
    level: 'SHOULD',
    title: 'ADD that fails halfway leaves no link behind, and DEL after it succeeds (also DEL-5)',
    async run(subject) {
      if (subject.kind !== 'interface') {
        skip('Only for plugins that create an interface');
      }
      await warmUp(subject);
      const before = subject.links();
      const container = subject.container();
      // Blocks the last step of ADD.
      within(container.netns, (rt) => rt.request(newLink({ kind: 'bridge', name: container.ifName })));
      failedWith(await subject.run('ADD', container));
      nothingLeft(subject, before);
      await subject.del(container);
      return 'no link left, and DEL after it succeeds';
    },
  },
  {
    id: 'ADD-10',
    level: 'ref',
    title: 'No descendant keeps stdout or stderr open after the plugin exits',
    async run(subject) {
      const container = subject.container();
      await subject.add(container);
      await subject.del(container);
      const worst = Math.max(...subject.log.map(({ lingeredMs }) => lingeredMs));
      expect(worst < 2000, `output stayed open for ${Math.round(worst)} ms`);
      return `over ${subject.log.length} runs`;
    },
  },
  {
    id: 'ADD-12',
    level: 'SHOULD',
    title: 'ADD fails and leaves no link behind when CNI_NETNS does not exist',
    async run(subject) {
      if (subject.kind !== 'interface') {
        skip('Only for plugins that create an interface');
      }
      await warmUp(subject);
      const before = subject.links();
      const code = failedWith(
        await subject.run('ADD', subject.container(), { env: { CNI_NETNS: '/run/netns/nonexistent' } }),
      );
      nothingLeft(subject, before);
      return code;
    },
  },
];

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.join() === b.join();
}
