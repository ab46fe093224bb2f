import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { describe, failedWith, succeeded } from '../subject.ts';

export const versions: Requirement[] = [
  {
    id: 'VER-1',
    level: 'MUST',
    title: 'VERSION prints cniVersion and supportedVersions, whatever is on stdin',
    async run(subject) {
      for (const stdin of ['', 'x', '{"cniVersion":"0.4.0"}']) {
        const invocation = await subject.run('VERSION', undefined, { stdin });
        succeeded(invocation);
        const { cniVersion, supportedVersions: supported } = invocation.reply ?? {};
        expect(
          typeof cniVersion === 'string' && cniVersion !== '' && Array.isArray(supported),
          describe(invocation),
        );
      }
      return subject.versions.join(', ');
    },
  },
  {
    id: 'VER-2',
    level: 'SHOULD',
    title: 'VERSION answers with the cniVersion it was asked in (the reference library does not)',
    async run(subject) {
      const invocation = await subject.run('VERSION', undefined, { stdin: '{"cniVersion":"0.4.0"}' });
      expect(
        invocation.reply?.cniVersion === '0.4.0',
        `asked in 0.4.0, answered in ${invocation.reply?.cniVersion}`,
      );
      return 'echoed';
    },
  },
  {
    id: 'VER-3',
    level: 'MUST',
    title: 'Each listed version works, and the result says it (also ADD-2)',
    async run(subject) {
      const working: string[] = [];
      for (const version of subject.tryable) {
        const container = subject.container();
        // Chains came with 0.3.0, and results of 0.1.0 and 0.2.0 cannot be without an address.
        if (/^0\.[12]\./.test(version) && subject.kind !== 'ipam') {
          continue;
        }
        const { document } = await subject.add(container, { version });
        expect(document.cniVersion === version, `asked for ${version}, got ${document.cniVersion}`);
        await subject.del(container, { version });
        working.push(version);
      }
      return working.join(', ');
    },
  },
  {
    id: 'VER-7',
    level: 'ref',
    title: 'CHECK below 0.4.0, GC and STATUS below 1.1.0: code 1',
    async run(subject) {
      const tried: string[] = [];
      for (const [command, version] of [
        ['CHECK', '0.3.1'],
        ['GC', '1.0.0'],
        ['STATUS', '1.0.0'],
      ] as const) {
        if (!subject.tryable.includes(version)) {
          continue;
        }
        failedWith(await subject.run(command, subject.container(), { version }), 1, 4);
        tried.push(`${command} at ${version}`);
      }
      if (tried.length === 0) {
        skip('It speaks no version without the commands');
      }
      return `${tried.join(', ')}: refused`;
    },
  },
  {
    id: 'RES-1',
    level: 'MUST',
    title: 'Results have the keys of their version: ip4 and ip6, ips with version, ips without (also RES-2)',
    async run(subject) {
      const seen: string[] = [];
      for (const version of subject.tryable) {
        const old = /^0\.[12]\./.test(version);
        if (old && subject.kind === 'chained') {
          continue;
        }
        const container = subject.container();
        const invocation = await subject.run('ADD', container, { version });
        // Without an address there is no result of these versions.
        if (old && invocation.exitCode !== 0) {
          continue;
        }
        succeeded(invocation);
        const { ip4, ip6, ips = [], interfaces } = (invocation.reply ?? {}) as Record<string, unknown>;
        const list = Array.isArray(ips) ? (ips as Record<string, unknown>[]) : [];
        const families = list.map((ip) => 'version' in ip);
        const fits = old
          ? (ip4 ?? ip6) !== undefined && interfaces === undefined && list.length === 0
          : (ip4 ?? ip6) === undefined && families.every((has) => has === version.startsWith('0.'));
        expect(fits, `at ${version}: ${describe(invocation)}`);
        await subject.del(container, { version });
        seen.push(version);
      }
      return seen.join(', ');
    },
  },
];
