import { expect } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { type Container, failedWith, succeeded } from '../subject.ts';
import { smallPool } from './pool.ts';

export const gc: Requirement[] = [
  {
    id: 'GC-1',
    level: 'MUST',
    title: 'GC succeeds and keeps the listed attachments',
    async run(subject) {
      subject.needs('GC');
      const container = subject.container();
      const { document } = await subject.add(container);
      const valid = [{ containerID: container.id, ifname: container.ifName }];
      const conf = { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid };
      succeeded(await subject.run('GC', undefined, { conf }));
      succeeded(await subject.run('CHECK', container, { conf: { prevResult: document } }));
      return 'CHECK of the listed attachment succeeds';
    },
  },
  {
    id: 'GC-2',
    level: 'SHOULD',
    title: 'GC frees attachments that are not listed under either key, and null is an empty list',
    async run(subject) {
      subject.needs('GC');
      const lists = [
        ['cni.dev/valid-attachments', []],
        ['cni.dev/attachments', []],
        ['cni.dev/valid-attachments', null],
      ] as const;
      for (const [index, [key, list]] of lists.entries()) {
        const conf = await smallPool(subject, `gc${index}`);
        const lost = subject.container();
        await subject.add(lost, { conf });
        subject.removeNetns(lost);
        succeeded(await subject.run('GC', undefined, { conf: { ...conf, [key]: list } }));
        const next = subject.container();
        const retry = await subject.run('ADD', next, { conf });
        expect(
          retry.exitCode === 0,
          `${key}=${JSON.stringify(list)}: the only address of the range was not freed`,
        );
        await subject.del(next, { conf });
      }
      return 'freed, for both keys and for null';
    },
  },
  {
    id: 'GC-1b',
    level: 'SHOULD',
    title: 'GC frees the two of three attachments that are not listed, and none of another network',
    async run(subject) {
      subject.needs('GC');
      const conf = await smallPool(subject, 'gc-three', 3);
      const other = await smallPool(subject, 'gc-other');
      const [kept, ...lost] = [0, 1, 2].map(() => subject.container()) as [Container, ...Container[]];
      for (const container of [kept, ...lost]) {
        await subject.add(container, { conf });
      }
      for (const container of lost) {
        subject.removeNetns(container);
      }
      // The other network assigns addresses of the same range independently.
      const stranger = subject.container();
      const isAlone = subject.kind === 'ipam';
      if (isAlone) {
        await subject.add(stranger, { conf: other });
      }
      const valid = [{ containerID: kept.id, ifname: kept.ifName }];
      succeeded(
        await subject.run('GC', undefined, {
          conf: { ...conf, 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid },
        }),
      );
      const next = [0, 1, 2].map(() => subject.container()) as [Container, Container, Container];
      for (const container of next.slice(0, 2)) {
        const { exitCode } = await subject.run('ADD', container, { conf });
        expect(exitCode === 0, 'the address of an unlisted attachment was not freed');
      }
      failedWith(await subject.run('ADD', next[2], { conf }));
      if (isAlone) {
        failedWith(await subject.run('ADD', next[2], { conf: other }));
      }
      for (const container of [kept, ...next]) {
        await subject.del(container, { conf });
      }
      if (isAlone) {
        await subject.del(stranger, { conf: other });
      }
      return `two freed, one kept${isAlone ? ', and the other network unchanged' : ''}`;
    },
  },
  {
    id: 'GC-3',
    level: 'SHOULD',
    title: 'GC without a list of attachments frees nothing',
    async run(subject) {
      subject.needs('GC');
      const conf = await smallPool(subject, 'gc-unknown');
      const container = subject.container();
      await subject.add(container, { conf });
      succeeded(await subject.run('GC', undefined, { conf }));
      failedWith(await subject.run('ADD', subject.container(), { conf }));
      await subject.del(container, { conf });
      return 'the attachment stays';
    },
  },
];
