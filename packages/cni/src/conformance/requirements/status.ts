import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { failedWith, succeeded } from '../subject.ts';
import { isStatic, smallPool } from './pool.ts';

export const status: Requirement[] = [
  {
    id: 'STATUS-1',
    level: 'MUST',
    title: 'STATUS of a ready plugin succeeds repeatedly and prints nothing',
    async run(subject) {
      subject.needs('STATUS');
      for (let round = 0; round < 2; round++) {
        const invocation = await subject.run('STATUS');
        succeeded(invocation);
        expect(invocation.stdout.trim() === '', `it printed ${invocation.stdout.slice(0, 80)}`);
      }
      return 'no output';
    },
  },
  {
    id: 'STATUS-1b',
    level: 'MUST',
    title: 'STATUS fails when the IPAM plugin does not exist',
    async run(subject) {
      subject.needs('STATUS');
      if (!subject.config.ipam || subject.kind !== 'interface') {
        skip('The configuration names no IPAM plugin');
      }
      const conf = { ipam: { type: 'cnikit-nonexistent' } };
      const added = await subject.run('ADD', subject.container(), { conf });
      if (added.exitCode === 0) {
        skip('ADD succeeds with an IPAM plugin that does not exist');
      }
      return failedWith(await subject.run('STATUS', undefined, { conf }));
    },
  },
  {
    id: 'STATUS-1c',
    level: 'SHOULD',
    title: 'STATUS fails with code 50 or 51 when no address is left',
    async run(subject) {
      subject.needs('STATUS');
      if (isStatic(subject)) {
        skip('The configuration fixes the address');
      }
      const conf = await smallPool(subject, 'full');
      succeeded(await subject.run('STATUS', undefined, { conf }));
      const container = subject.container();
      await subject.add(container, { conf });
      const code = failedWith(await subject.run('STATUS', undefined, { conf }), 50, 51);
      await subject.del(container, { conf });
      succeeded(await subject.run('STATUS', undefined, { conf }));
      return `${code}; after DEL it is ready again`;
    },
  },
  {
    id: 'STATUS-3',
    level: 'MUST',
    title: 'CHECK, DEL and ADD succeed while STATUS fails',
    async run(subject) {
      subject.needs('STATUS');
      const container = subject.container();
      const { document } = await subject.add(container);
      const conf = { ipam: { type: 'cnikit-nonexistent' } };
      await subject.run('STATUS', undefined, subject.config.ipam ? { conf } : {});
      if (subject.kind !== 'loopback') {
        succeeded(await subject.run('CHECK', container, { conf: { prevResult: document } }));
      }
      await subject.del(container);
      await subject.add(subject.container());
      return 'CHECK, DEL and ADD succeed';
    },
  },
  {
    id: 'STATUS-4',
    level: 'SHOULD',
    title: 'STATUS creates and deletes no link',
    async run(subject) {
      subject.needs('STATUS');
      const before = subject.links();
      const { bridge } = subject.config;
      const conf = typeof bridge === 'string' ? { bridge: 'cntstatus0' } : {};
      await subject.run('STATUS', undefined, { conf });
      const after = subject.links();
      expect(after.join() === before.join(), `before ${before.join(', ')}; after ${after.join(', ')}`);
      return `${after.length} links, as before`;
    },
  },
];
