import { delAddress, delRoute } from '@cnikit/netlink';
import { within } from '../netns.ts';
import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { describe, failedWith } from '../subject.ts';
import { isStatic, smallPool } from './pool.ts';

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
      if (subject.kind === 'ipam') {
        skip('An IPAM plugin has its own state to check');
      }
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
      if (subject.kind !== 'interface') {
        skip('Only for plugins that make an interface');
      }
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
  {
    id: 'CHECK-3b',
    level: 'SHOULD',
    title: 'CHECK fails after DEL',
    async run(subject) {
      subject.needs('CHECK');
      if (subject.kind !== 'interface' && subject.kind !== 'ipam') {
        skip('It may leave what it found as it is');
      }
      if (isStatic(subject)) {
        skip('The configuration names the address');
      }
      const container = subject.container();
      const { document } = await subject.add(container);
      await subject.del(container);
      return failedWith(await subject.run('CHECK', container, { conf: { prevResult: document } }));
    },
  },
  {
    id: 'CHECK-3c',
    level: 'SHOULD',
    title: 'CHECK fails when a route of it is gone',
    async run(subject) {
      subject.needs('CHECK');
      if (subject.kind !== 'interface') {
        skip('Only for plugins that make an interface');
      }
      const routes = [{ dst: '192.0.2.0/24' }];
      const pool = await smallPool(subject, 'routes', 4);
      const conf = { ...pool, ipam: { ...pool.ipam, routes } };
      const container = subject.container();
      const { document, result } = await subject.add(container, { conf });
      const route = result.routes?.find(({ dst }) => dst === '192.0.2.0/24');
      if (!route) {
        skip('It takes no routes from ipam.routes');
      }
      within(container.netns, (rt) => rt.request(delRoute({ dst: route.dst })));
      const code = failedWith(
        await subject.run('CHECK', container, { conf: { ...conf, prevResult: document } }),
      );
      await subject.del(container, { conf });
      return code;
    },
  },
];
