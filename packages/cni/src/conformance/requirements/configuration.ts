import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { failedWith, succeeded } from '../subject.ts';

export const configuration: Requirement[] = [
  {
    id: 'CONF-1',
    level: 'MUST',
    title: 'stdin that is not exactly one JSON object is refused with code 6',
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
    title: 'name has to be there and well formed: code 7, or 6 for a wrong type',
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
    title: 'A cniVersion that is not supported is refused with code 1, both sides in the details',
    async run(subject) {
      for (const version of ['1.0', '9.9.9']) {
        const invocation = await subject.run('ADD', subject.container(), { version });
        failedWith(invocation, 1);
        const text = `${invocation.reply?.msg} ${invocation.reply?.details}`;
        expect(text.includes(version) && text.includes(subject.version), `it does not say both: ${text}`);
      }
      failedWith(await subject.run('ADD', subject.container(), { conf: { cniVersion: 1 } }), 6);
      return 'code 1, both named; a number: code 6';
    },
  },
  {
    id: 'CONF-4',
    level: 'MUST',
    title: 'args, capabilities, runtimeConfig and cni.dev/* of strangers do not matter (also ARGS-5)',
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
    title: 'No cniVersion, or an empty one, stands for 0.1.0',
    async run(subject) {
      if (!subject.tryable.includes('0.1.0')) {
        skip('It does not speak 0.1.0');
      }
      if (subject.kind === 'chained') {
        skip('Chains came with 0.3.0');
      }
      const container = subject.container();
      const { result } = await subject.add(container);
      if (!result.ips?.length) {
        skip('Results of 0.1.0 cannot be without an address');
      }
      await subject.del(container);
      for (const cniVersion of [undefined, '']) {
        const old = subject.container();
        const { document } = await subject.add(old, { version: '0.1.0', conf: { cniVersion } });
        expect(
          'ip4' in document || 'ip6' in document,
          `the result is not of 0.1.0: ${Object.keys(document)}`,
        );
        await subject.del(old, { version: '0.1.0', conf: { cniVersion } });
      }
      return 'absent and empty';
    },
  },
  {
    id: 'CONF-6',
    level: 'MUST',
    title: 'Neither the order of keys nor escapes in strings matter',
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
