import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { describe, failedWith, succeeded } from '../subject.ts';

const VARIABLES = {
  CNI_CONTAINERID: undefined,
  CNI_NETNS: undefined,
  CNI_IFNAME: undefined,
  CNI_PATH: undefined,
};

export const environment: Requirement[] = [
  {
    id: 'ENV-1',
    level: 'MUST',
    title: 'A CNI_COMMAND that is unknown or not in upper case fails with code 4',
    async run(subject) {
      for (const command of ['add', 'FOO']) {
        failedWith(await subject.run(command, subject.container()), 4);
      }
      return 'add, FOO: code 4';
    },
  },
  {
    id: 'ENV-2',
    level: 'MUST',
    title: 'ADD and CHECK without variables fail with code 4 and name every missing variable',
    async run(subject) {
      for (const command of ['ADD', 'CHECK']) {
        const invocation = await subject.run(command, subject.container(), { env: VARIABLES });
        failedWith(invocation, 4);
        for (const name of ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME']) {
          expect(
            String(invocation.reply?.msg).includes(name),
            `${command} does not name ${name}: ${describe(invocation)}`,
          );
        }
      }
      return 'all named';
    },
  },
  {
    id: 'ENV-2b',
    level: 'ref',
    title: 'ADD fails without CNI_PATH',
    async run(subject) {
      return failedWith(await subject.run('ADD', subject.container(), { env: { CNI_PATH: undefined } }), 4);
    },
  },
  {
    id: 'ENV-3',
    level: 'MUST',
    title: 'DEL succeeds when CNI_NETNS is unset or empty, and requires the other variables',
    async run(subject) {
      for (const netns of [undefined, '']) {
        succeeded(await subject.run('DEL', subject.container(), { env: { CNI_NETNS: netns } }));
      }
      for (const name of ['CNI_CONTAINERID', 'CNI_IFNAME']) {
        failedWith(await subject.run('DEL', subject.container(), { env: { [name]: '' } }), 4);
      }
      return 'exit 0; code 4 for the others';
    },
  },
  {
    id: 'ENV-4',
    level: 'MUST',
    title: 'GC and STATUS ignore CNI_CONTAINERID, CNI_NETNS and CNI_IFNAME',
    async run(subject) {
      subject.needs('GC');
      const env = { CNI_CONTAINERID: 'a/b', CNI_IFNAME: '..', CNI_NETNS: 'dummy' };
      for (const command of ['STATUS', 'GC']) {
        succeeded(await subject.run(command, undefined, { env }));
      }
      return 'exit 0';
    },
  },
  {
    id: 'ENV-5',
    level: 'MUST',
    title: 'VERSION requires only CNI_COMMAND and ignores the other variables',
    async run(subject) {
      succeeded(
        await subject.run('VERSION', undefined, { env: { ...VARIABLES, PATH: undefined }, stdin: '{}' }),
      );
      const junk = { CNI_CONTAINERID: 'a/b', CNI_NETNS: 'dummy', CNI_IFNAME: 'dummy/x', CNI_PATH: 'dummy' };
      succeeded(await subject.run('VERSION', undefined, { env: junk, stdin: '{}' }));
      return 'exit 0';
    },
  },
  {
    id: 'ENV-6',
    level: 'MUST',
    title: 'CNI_CONTAINERID is ASCII, starts with a letter or digit, and has any length',
    async run(subject) {
      for (const id of ['-c', 'a/b', 'é1', 'abc\n']) {
        failedWith(await subject.run('ADD', subject.container(), { env: { CNI_CONTAINERID: id } }), 4);
      }
      succeeded(await subject.run('DEL', subject.container(), { env: { CNI_CONTAINERID: 'c'.repeat(300) } }));
      return 'code 4; 300 characters are accepted';
    },
  },
  {
    id: 'ENV-7',
    level: 'ref',
    title: 'CNI_IFNAME has 1 to 15 bytes, no slash, colon or space, and is not . or ..',
    async run(subject) {
      for (const name of ['a'.repeat(16), 'é'.repeat(8), 'a b', 'a:b', 'a/b', '..']) {
        failedWith(await subject.run('ADD', subject.container(), { env: { CNI_IFNAME: name } }), 4);
      }
      succeeded(await subject.run('DEL', subject.container(), { env: { CNI_IFNAME: 'a'.repeat(15) } }));
      return 'code 4; 15 bytes are accepted';
    },
  },
  {
    id: 'ENV-8',
    level: 'MAY',
    title: 'A malformed variable is reported before a missing one',
    async run(subject) {
      const invocation = await subject.run('ADD', subject.container(), {
        env: { CNI_CONTAINERID: 'a/b', CNI_PATH: undefined },
      });
      failedWith(invocation, 4);
      expect(!String(invocation.reply?.msg).includes('CNI_PATH'), describe(invocation));
      return describe(invocation);
    },
  },
  {
    id: 'ENV-9',
    level: 'MAY',
    title: 'A run without CNI_COMMAND describes the plugin on stderr and exits 0, or fails with code 4',
    async run(subject) {
      const invocation = await subject.run('', undefined, {
        env: { ...VARIABLES, CNI_COMMAND: undefined },
        stdin: '',
      });
      if (invocation.exitCode !== 0) {
        return failedWith(invocation, 4);
      }
      expect(invocation.stdout === '' && invocation.stderr.trim() !== '', describe(invocation));
      return JSON.stringify(invocation.stderr.split('\n')[0]);
    },
  },
  {
    id: 'ENV-10',
    level: 'MAY',
    title: 'ADD fails when CNI_NETNS is the namespace of the plugin itself',
    async run(subject) {
      if (subject.kind !== 'interface') {
        skip('Only for plugins that create an interface');
      }
      const before = subject.links();
      const container = subject.container('cnown0');
      const invocation = await subject.run('ADD', container, { env: { CNI_NETNS: '/proc/self/ns/net' } });
      const left = subject.links().filter((name) => !before.includes(name));
      await subject.run('DEL', container, {
        env: { CNI_NETNS: '/proc/self/ns/net', CNI_NETNS_OVERRIDE: '1' },
      });
      expect(invocation.exitCode !== 0, `ADD succeeded: ${describe(invocation)}`);
      return `exit ${invocation.exitCode}, left behind: ${left.join(', ') || 'nothing'}`;
    },
  },
  {
    id: 'ENV-12',
    level: 'ref',
    title: 'ADD ignores other environment variables of the runtime',
    async run(subject) {
      const env = { TRACEPARENT: '00-x', TRACESTATE: 'a=b', BAGGAGE: '', CNI_STRANGER: '1', LC_ALL: 'xx' };
      await subject.add(subject.container(), { env });
      return 'ADD succeeds';
    },
  },
];
