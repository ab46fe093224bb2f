import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { failedWith, succeeded } from '../subject.ts';

export const configuration: Requirement[] = [
  {
    id: 'CONF-1',
    level: 'MUST',
    title: 'ADD fails with code 6 when stdin is not exactly one JSON object',
    async run(subject) {
      for (const stdin of ['', '[]', 'x', '{} x']) {
        failedWith(await subject.run('ADD', subject.container(), { stdin }), 6);
      }
      return 'empty, [], x, {} x: code 6';
    },
  },
  {
    id: 'CONF-2',
    level: 'MUST',
    title: 'ADD fails with code 7 when name is missing or malformed, and 6 when it is not a string',
    async run(subject) {
      for (const name of [undefined, 'a b', 'a/b']) {
        failedWith(await subject.run('ADD', subject.container(), { conf: { name } }), 7);
      }
      failedWith(await subject.run('ADD', subject.container(), { conf: { name: 1 } }), 6);
      return 'code 7; a number: code 6';
    },
  },
  {
    id: 'CONF-3',
    level: 'MUST',
    title: 'ADD fails with code 1 on an unsupported cniVersion, and the error names both versions',
    async run(subject) {
      for (const version of ['1.0', '9.9.9']) {
        const invocation = await subject.run('ADD', subject.container(), { version });
        failedWith(invocation, 1);
        const text = `${invocation.reply?.msg} ${invocation.reply?.details}`;
        expect(
          text.includes(version) && text.includes(subject.version),
          `the error does not name both versions: ${text}`,
        );
      }
      failedWith(await subject.run('ADD', subject.container(), { conf: { cniVersion: 1 } }), 6);
      return 'code 1, both named; a number: code 6';
    },
  },
  {
    id: 'CONF-4',
    level: 'MUST',
    title: 'ADD ignores unknown args, capabilities, runtimeConfig and cni.dev/* (also ARGS-5)',
    async run(subject) {
      const conf = {
        capabilities: { stranger: true, ...(subject.config.capabilities as object) },
        runtimeConfig: { stranger: 1, ...(subject.config.runtimeConfig as object) },
        args: { labels: [1, 'x'], cni: { stranger: null } },
        'cni.dev/stranger': {},
      };
      await subject.add(subject.container(), { conf });
      return 'ADD succeeds';
    },
  },
  {
    id: 'CONF-3b',
    level: 'MUST',
    title: 'ADD treats a missing or empty cniVersion as 0.1.0',
    async run(subject) {
      if (!subject.testedVersions.includes('0.1.0')) {
        skip('The plugin does not support 0.1.0');
      }
      if (subject.kind === 'chained') {
        skip('Versions before 0.3.0 have no chains');
      }
      const container = subject.container();
      const { result } = await subject.add(container);
      if (!result.ips?.length) {
        skip('Results of 0.1.0 require an address');
      }
      await subject.del(container);
      for (const cniVersion of [undefined, '']) {
        const old = subject.container();
        const { document } = await subject.add(old, { version: '0.1.0', conf: { cniVersion } });
        expect(
          'ip4' in document || 'ip6' in document,
          `the result does not have the format of 0.1.0: ${Object.keys(document)}`,
        );
        await subject.del(old, { version: '0.1.0', conf: { cniVersion } });
      }
      return 'missing and empty';
    },
  },
  {
    id: 'CONF-6',
    level: 'MUST',
    title: 'ADD accepts keys in any order and escapes in strings',
    async run(subject) {
      const container = subject.container();
      const entries = Object.entries(JSON.parse(subject.stdin(container))).toReversed();
      const stdin = JSON.stringify({ ...Object.fromEntries(entries), 'cni.dev/stranger': '<&>' });
      const escaped = stdin.replace(/[<>&]|"name":"c/g, (text) =>
        text.length === 1 ? `\\u00${text.charCodeAt(0).toString(16)}` : '"name":"\\u0063',
      );
      const invocation = await subject.run('ADD', container, { stdin: escaped });
      succeeded(invocation);
      return 'reversed, with \\u003c';
    },
  },
];
