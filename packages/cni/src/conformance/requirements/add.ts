import { delAddress, newLink } from '@cnikit/netlink';
import { within } from '../netns.ts';
import { expect, type Requirement, skip } from '../requirement.ts';
import { type Container, describe, failedWith, type Subject } from '../subject.ts';

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
    title: 'CNI_IFNAME is in the namespace with the addresses of the result; sandbox is CNI_NETNS as given',
    async run(subject) {
      if (subject.kind === 'ipam') skip('An IPAM plugin makes no interface');
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
        expect(ip.interface !== index || inside.includes(ip.address), `${ip.address} is not on it`);
      }
      return `${container.ifName} ${inside.join(' ')}`;
    },
  },
  {
    id: 'ADD-4',
    level: 'MUST',
    title: 'ADD fails if CNI_IFNAME exists, and leaves it intact',
    async run(subject) {
      if (subject.kind !== 'interface') skip('Only for plugins that make an interface');
      const container = subject.container();
      within(container.netns, (rt) => rt.request(newLink({ kind: 'bridge', name: container.ifName })));
      const foreign = subject.links(container.netns);
      const code = failedWith(await subject.run('ADD', container));
      expect(same(subject.links(container.netns), foreign), 'the links in the namespace are others now');
      const second = subject.container();
      await subject.add(second);
      const before = addressesOf(second);
      failedWith(await subject.run('ADD', second));
      expect(before?.join() === addressesOf(second)?.join(), 'a second ADD changed the first');
      return code;
    },
  },
  {
    id: 'ADD-5',
    level: 'MUST',
    title: 'A plugin that gets prevResult prints it back, with its own changes',
    async run(subject) {
      if (subject.kind !== 'chained') skip('Only for plugins that run after others');
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
    title: 'A plugin that can only run after others fails without prevResult, also if it is null',
    async run(subject) {
      if (subject.kind !== 'chained') skip('It can run alone');
      for (const prevResult of [undefined, null])
        failedWith(await subject.run('ADD', subject.container(), { conf: { prevResult } }));
      return 'refused';
    },
  },
  {
    id: 'ADD-7',
    level: 'SHOULD',
    title: 'prevResult of another version of the same shape is accepted',
    async run(subject) {
      if (subject.kind !== 'chained') skip('Only for plugins that run after others');
      if (!['0.3.1', '0.4.0'].every((version) => subject.tryable.includes(version)))
        skip('It does not speak 0.3.1 and 0.4.0');
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
    title: 'ips[].interface is absent or the index of an interface of the result',
    async run(subject) {
      const { result } = await subject.add(subject.container());
      const count = result.interfaces?.length ?? 0;
      const indexes = (result.ips ?? []).map((ip) => ip.interface);
      expect(
        indexes.every((index) => index === undefined || (index >= 0 && index < count)),
        `indexes ${indexes.join(', ')} of ${count}`,
      );
      if (subject.kind === 'ipam')
        expect(
          count === 0 && indexes.every((index) => index === undefined),
          'an IPAM result with interfaces',
        );
      return indexes.length === 0
        ? 'no addresses'
        : `indexes ${indexes.map((index) => index ?? 'absent').join(', ')} of ${count}`;
    },
  },
  {
    id: 'ADD-9',
    level: 'SHOULD',
    title: 'An ADD that fails half-way leaves nothing behind',
    async run(subject) {
      if (subject.kind !== 'interface') skip('Only for plugins that make an interface');
      await warmUp(subject);
      const before = subject.links();
      const container = subject.container();
      // In the way of what is made last.
      within(container.netns, (rt) => rt.request(newLink({ kind: 'bridge', name: container.ifName })));
      failedWith(await subject.run('ADD', container));
      const left = subject.links().filter((name) => !before.includes(name));
      expect(left.length === 0, `links left on the host: ${left.join(', ')}`);
      return 'no link left';
    },
  },
  {
    id: 'ADD-10',
    level: 'ref',
    title: 'No descendant keeps stdout or stderr open after the plugin has ended',
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
    id: 'ADD-11',
    level: 'MUST',
    title: 'Eight containers added at once get eight addresses',
    async run(subject) {
      const containers = Array.from({ length: 8 }, () => subject.container());
      const results = await Promise.all(containers.map((container) => subject.add(container)));
      const addresses = results.flatMap(({ result }) => result.ips?.map(({ address }) => address) ?? []);
      if (subject.kind === 'chained' || subject.kind === 'loopback' || addresses.length === 0)
        return 'all succeed';
      const distinct = new Set(addresses).size;
      if (isStatic(subject)) skip('The configuration names the address');
      expect(distinct === addresses.length, `${addresses.length} addresses, ${distinct} different ones`);
      await Promise.all(containers.map((container) => subject.del(container)));
      return `${distinct} addresses`;
    },
  },
  {
    id: 'ADD-12',
    level: 'SHOULD',
    title: 'CNI_NETNS that does not exist: ADD fails and leaves nothing',
    async run(subject) {
      if (subject.kind !== 'interface') skip('Only for plugins that make an interface');
      await warmUp(subject);
      const before = subject.links();
      const code = failedWith(
        await subject.run('ADD', subject.container(), { env: { CNI_NETNS: '/run/netns/nonexistent' } }),
      );
      const left = subject.links().filter((name) => !before.includes(name));
      expect(left.length === 0, `links left on the host: ${left.join(', ')}`);
      return code;
    },
  },
];

export const check: Requirement[] = [
  {
    id: 'CHECK-1',
    level: 'MUST',
    title: 'CHECK right after ADD succeeds, silently, each time (also CHECK-5)',
    async run(subject) {
      subject.needs('CHECK');
      for (let round = 0; round < 5; round++) {
        const container = subject.container();
        const { document } = await subject.add(container);
        const invocation = await subject.run('CHECK', container, { conf: { prevResult: document } });
        expect(invocation.exitCode === 0, describe(invocation));
        expect(invocation.stdout.trim() === '', `it printed ${describe(invocation)}`);
      }
      return '5 times';
    },
  },
  {
    id: 'CHECK-2',
    level: 'MUST',
    title: 'CHECK without prevResult fails',
    async run(subject) {
      subject.needs('CHECK');
      if (subject.kind === 'ipam') skip('An IPAM plugin has its own state to check');
      const container = subject.container();
      await subject.add(container);
      return failedWith(await subject.run('CHECK', container, { conf: { prevResult: undefined } }));
    },
  },
  {
    id: 'CHECK-3',
    level: 'SHOULD',
    title: 'CHECK fails when the interface, or an address of it, is gone',
    async run(subject) {
      subject.needs('CHECK');
      if (subject.kind !== 'interface') skip('Only for plugins that make an interface');
      const container = subject.container();
      const { document, result } = await subject.add(container);
      const conf = { prevResult: document };
      const tried: string[] = [];
      if (result.ips?.length) {
        within(container.netns, (rt) => {
          const { index } = rt.link({ name: container.ifName })!;
          rt.request(delAddress({ index, address: result.ips![0]!.address }));
        });
        failedWith(await subject.run('CHECK', container, { conf }));
        tried.push('address');
      }
      const other = subject.container();
      const added = await subject.add(other);
      subject.removeNetns(other);
      failedWith(await subject.run('CHECK', other, { conf: { prevResult: added.document } }));
      return [...tried, 'interface'].join(', ');
    },
  },
];

/** Shared things, such as a bridge, are made by the first ADD and may stay. */
export async function warmUp(subject: Subject): Promise<void> {
  const container = subject.container();
  await subject.add(container);
  await subject.del(container);
}

/** The addresses on the container's interface, without link-local ones; undefined if it has no such interface. */
export function addressesOf({ netns, ifName }: Container): string[] | undefined {
  return within(netns, (rt) => {
    const link = rt.link({ name: ifName });
    return (
      link &&
      rt
        .addresses({ index: link.index })
        .map(({ address }) => address)
        .filter((address) => !address.startsWith('fe80:'))
    );
  });
}

/** Whether the configuration leaves no choice of address. */
export function isStatic(subject: Subject): boolean {
  return (subject.config.ipam as { type?: string } | undefined)?.type === 'static';
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.join() === b.join();
}
