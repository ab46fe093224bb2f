import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { describe, failedWith, succeeded } from '../subject.ts';

export const versions: Requirement[] = [
  {
    id: 'VER-1',
    level: 'MUST',
    title: 'VERSION prints cniVersion and supportedVersions for any stdin',
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
    title: 'VERSION returns the cniVersion of the request (the reference library does not)',
    async run(subject) {
      const invocation = await subject.run('VERSION', undefined, { stdin: '{"cniVersion":"0.4.0"}' });
      expect(
        invocation.reply?.cniVersion === '0.4.0',
        `requested 0.4.0, got ${invocation.reply?.cniVersion}`,
      );
      return 'same version';
    },
  },
  {
    id: 'VER-3',
    level: 'MUST',
    title: 'ADD works at each listed version and returns it as cniVersion (also ADD-2)',
    async run(subject) {
      const working: string[] = [];
      for (const version of subject.testedVersions) {
        const container = subject.container();
        // Versions before 0.3.0 have no chains, and their results require an address.
        if (/^0\.[12]\./.test(version) && subject.kind !== 'ipam') {
          continue;
        }
        const { document } = await subject.add(container, { version });
        expect(document.cniVersion === version, `requested ${version}, got ${document.cniVersion}`);
        await subject.del(container, { version });
        working.push(version);
      }
      return working.join(', ');
    },
  },
  {
    id: 'VER-7',
    level: 'ref',
    title: 'CHECK below 0.4.0, and GC and STATUS below 1.1.0, fail with code 1',
    async run(subject) {
      const tried: string[] = [];
      for (const [command, version] of [
        ['CHECK', '0.3.1'],
        ['GC', '1.0.0'],
        ['STATUS', '1.0.0'],
      ] as const) {
        if (!subject.testedVersions.includes(version)) {
          continue;
        }
        failedWith(await subject.run(command, subject.container(), { version }), 1, 4);
        tried.push(`${command} at ${version}`);
      }
      if (tried.length === 0) {
        skip('The plugin supports no version without these commands');
      }
      return `${tried.join(', ')}: refused`;
    },
  },
  {
    id: 'RES-1',
    level: 'MUST',
    title:
      'Results have the format of their version: ip4 and ip6, ips with version, ips without (also RES-2)',
    async run(subject) {
      const seen: string[] = [];
      for (const version of subject.testedVersions) {
        const old = /^0\.[12]\./.test(version);
        if (old && subject.kind === 'chained') {
          continue;
        }
        const container = subject.container();
        const invocation = await subject.run('ADD', container, { version });
        // Results of these versions require an address.
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
