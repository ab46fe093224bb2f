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
    title: 'CHECK right after ADD succeeds and prints nothing (also CHECK-5)',
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
        skip('An IPAM plugin checks its own state');
      }
      const container = subject.container();
      await subject.add(container);
      return failedWith(await subject.run('CHECK', container, { conf: { prevResult: undefined } }));
    },
  },
  {
    id: 'CHECK-3',
    level: 'SHOULD',
    title: 'CHECK fails when the interface or one of its addresses is missing',
    async run(subject) {
      subject.needs('CHECK');
      if (subject.kind !== 'interface') {
        skip('Only for plugins that create an interface');
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
        skip('The plugin may have created nothing that DEL removes');
      }
      if (isStatic(subject)) {
        skip('The configuration fixes the address');
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
    title: 'CHECK fails when one of its routes is missing',
    async run(subject) {
      subject.needs('CHECK');
      if (subject.kind !== 'interface') {
        skip('Only for plugins that create an interface');
      }
      const routes = [{ dst: '192.0.2.0/24' }];
      const pool = await smallPool(subject, 'routes', 4);
      const conf = { ...pool, ipam: { ...pool.ipam, routes } };
      const container = subject.container();
      const { document, result } = await subject.add(container, { conf });
      const route = result.routes?.find(({ dst }) => dst === '192.0.2.0/24');
      if (!route) {
        skip('The plugin does not apply ipam.routes');
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
