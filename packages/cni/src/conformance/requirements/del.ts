import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { succeeded } from '../subject.ts';
import { addressesOf, nothingLeft, warmUp } from './links.ts';
import { isStatic, smallPool } from './pool.ts';

export const del: Requirement[] = [
  {
    id: 'DEL-1',
    level: 'MUST',
    title: 'DEL is idempotent and succeeds without a preceding ADD (also DEL-5)',
    async run(subject) {
      const container = subject.container();
      await subject.del(container);
      await subject.add(container);
      for (let round = 0; round < 3; round++) {
        await subject.del(container);
      }
      return 'before ADD, and three times after it';
    },
  },
  {
    id: 'DEL-1b',
    level: 'MUST',
    title: 'DEL leaves no link in the container or on the host',
    async run(subject) {
      if (subject.kind !== 'interface') {
        skip('Only for plugins that create an interface');
      }
      await warmUp(subject);
      const before = subject.links();
      const container = subject.container('cnx0');
      await subject.add(container);
      await subject.del(container);
      expect(!subject.links(container.netns).includes(container.ifName), 'the interface still exists');
      nothingLeft(subject, before);
      return 'no link left';
    },
  },
  {
    id: 'DEL-2',
    level: 'MUST',
    title: 'DEL succeeds when CNI_NETNS is unset, empty or a missing file',
    async run(subject) {
      for (const netns of [undefined, '', '/run/netns/nonexistent']) {
        const container = subject.container();
        await subject.add(container);
        subject.removeNetns(container);
        succeeded(await subject.run('DEL', container, { env: { CNI_NETNS: netns } }));
      }
      return 'exit 0';
    },
  },
  {
    id: 'DEL-2b',
    level: 'SHOULD',
    title: 'DEL succeeds when CNI_NETNS is a file but not a namespace',
    async run(subject) {
      const container = subject.container();
      await subject.add(container);
      succeeded(await subject.run('DEL', container, { env: { CNI_NETNS: '/etc/hostname' } }));
      return 'exit 0';
    },
  },
  {
    id: 'DEL-2c',
    level: 'MUST',
    title: 'DEL frees the addresses of containers whose namespace is gone',
    async run(subject) {
      if (isStatic(subject)) {
        skip('The configuration fixes the address');
      }
      const conf = await smallPool(subject, 'small');
      for (let round = 0; round < 4; round++) {
        const container = subject.container();
        await subject.add(container, { conf });
        subject.removeNetns(container);
        await subject.del(container, { conf, env: { CNI_NETNS: '' } });
      }
      return 'four containers in turn on one address';
    },
  },
  {
    id: 'DEL-3',
    level: 'MUST',
    title: 'DEL succeeds without prevResult',
    async run(subject) {
      if (subject.kind !== 'chained') {
        await warmUp(subject);
        return 'exit 0';
      }
      const container = subject.container();
      await subject.add(container);
      await subject.del(container, { conf: { prevResult: undefined } });
      return 'exit 0';
    },
  },
  {
    id: 'DEL-4',
    level: 'SHOULD',
    title: 'A late DEL of an old container does not affect the new container of the same pod',
    async run(subject) {
      if (subject.kind === 'ipam') {
        skip('An IPAM plugin creates no interface');
      }
      const env = { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web' };
      const old = subject.container();
      const young = subject.container();
      await subject.add(old, { env });
      await subject.add(young, { env });
      await subject.del(old, { env });
      expect(addressesOf(young) !== undefined, 'the new container lost its interface');
      return 'the new container keeps its interface';
    },
  },
  {
    id: 'DEL-7',
    level: 'SHOULD',
    title: 'DEL frees the address when configuration and runtimeConfig changed after ADD',
    async run(subject) {
      if (isStatic(subject)) {
        skip('The configuration fixes the address');
      }
      const conf = await smallPool(subject, 'changed');
      const changed = { ...conf, mtu: 1300, runtimeConfig: { stranger: 1 }, args: { cni: {} } };
      for (let round = 0; round < 2; round++) {
        const container = subject.container();
        await subject.add(container, { conf });
        await subject.del(container, { conf: changed });
      }
      return 'the address was freed';
    },
  },
];
