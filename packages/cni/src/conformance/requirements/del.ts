import { expect, type Requirement, skip } from '../requirement.ts';
import { type Subject, succeeded } from '../subject.ts';
import { addressesOf, isStatic, warmUp } from './add.ts';

export const del: Requirement[] = [
  {
    id: 'DEL-1',
    level: 'MUST',
    title: 'DEL works again and again, and without an ADD before it (also DEL-5)',
    async run(subject) {
      const container = subject.container();
      await subject.del(container);
      await subject.add(container);
      for (let round = 0; round < 3; round++) await subject.del(container);
      return 'before ADD, and three times after it';
    },
  },
  {
    id: 'DEL-1b',
    level: 'MUST',
    title: 'After DEL no link of it is left, in the container or on the host',
    async run(subject) {
      if (subject.kind !== 'interface') skip('Only for plugins that make an interface');
      await warmUp(subject);
      const before = subject.links();
      const container = subject.container('cnx0');
      await subject.add(container);
      await subject.del(container);
      expect(!subject.links(container.netns).includes(container.ifName), 'the interface is still there');
      const left = subject.links().filter((name) => !before.includes(name));
      expect(left.length === 0, `left on the host: ${left.join(', ')}`);
      return 'nothing left';
    },
  },
  {
    id: 'DEL-2',
    level: 'MUST',
    title: 'DEL succeeds when the namespace is gone: CNI_NETNS unset, empty, no such file',
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
    title: 'DEL succeeds when CNI_NETNS is a file but no namespace',
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
    title: 'Addresses come back from containers whose namespace was gone at DEL',
    async run(subject) {
      if (isStatic(subject)) skip('The configuration names the address');
      const conf = await oneAddress(subject, 'small');
      for (let round = 0; round < 4; round++) {
        const container = subject.container();
        await subject.add(container, { conf });
        subject.removeNetns(container);
        await subject.del(container, { conf, env: { CNI_NETNS: '' } });
      }
      return 'four containers, one after the other, on one address';
    },
  },
  {
    id: 'DEL-3',
    level: 'MUST',
    title: 'DEL works without prevResult',
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
    title: 'A late DEL of an old container of the same pod leaves the new one alone',
    async run(subject) {
      if (subject.kind === 'ipam') skip('An IPAM plugin makes no interface');
      const env = { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web' };
      const old = subject.container();
      const young = subject.container();
      await subject.add(old, { env });
      await subject.add(young, { env });
      await subject.del(old, { env });
      expect(addressesOf(young) !== undefined, 'the new container lost its interface');
      return 'the new one lives';
    },
  },
];

export const gc: Requirement[] = [
  {
    id: 'GC-1',
    level: 'MUST',
    title: 'GC succeeds, and attachments that are listed live on',
    async run(subject) {
      subject.needs('GC');
      const container = subject.container();
      const { document } = await subject.add(container);
      const valid = [{ containerID: container.id, ifname: container.ifName }];
      const conf = { 'cni.dev/valid-attachments': valid, 'cni.dev/attachments': valid };
      succeeded(await subject.run('GC', undefined, { conf }));
      succeeded(await subject.run('CHECK', container, { conf: { prevResult: document } }));
      return 'CHECK of the listed one succeeds';
    },
  },
  {
    id: 'GC-2',
    level: 'SHOULD',
    title: 'GC frees what is not listed, under either key; null lists nothing (also GC-3)',
    async run(subject) {
      subject.needs('GC');
      const lists = [
        ['cni.dev/valid-attachments', []],
        ['cni.dev/attachments', []],
        ['cni.dev/valid-attachments', null],
      ] as const;
      for (const [index, [key, list]] of lists.entries()) {
        const conf = await oneAddress(subject, `gc${index}`);
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
    id: 'STATUS-1',
    level: 'MUST',
    title: 'STATUS of a plugin that is ready succeeds silently, and again (also STATUS-4)',
    async run(subject) {
      subject.needs('STATUS');
      for (let round = 0; round < 2; round++) {
        const invocation = await subject.run('STATUS');
        succeeded(invocation);
        expect(invocation.stdout.trim() === '', `it printed ${invocation.stdout.slice(0, 80)}`);
      }
      return 'silent';
    },
  },
];

export const errors: Requirement[] = [
  {
    id: 'ERR-1',
    level: 'MUST',
    title:
      'Each failure seen so far was one JSON document with a numeric code and a msg on stdout (also ERR-2)',
    run(subject) {
      const failures = subject.log.filter(({ exitCode }) => exitCode !== 0);
      for (const failure of failures) {
        const { code, msg } = failure.reply ?? {};
        expect(
          typeof code === 'number' && code >= 0 && typeof msg === 'string',
          `${failure.command}: ${JSON.stringify(failure.stdout.slice(0, 160))}`,
        );
      }
      return `${failures.length} failures`;
    },
  },
  {
    id: 'ERR-1b',
    level: 'SHOULD',
    title: 'The error document has a cniVersion (the reference library leaves it out)',
    run(subject) {
      const failures = subject.log.filter(({ exitCode }) => exitCode !== 0);
      const without = failures.filter(({ reply }) => typeof reply?.cniVersion !== 'string').length;
      expect(without === 0, `${without} of ${failures.length} without`);
      return `${failures.length} failures`;
    },
  },
  {
    id: 'ERR-3',
    level: 'MUST',
    title: 'No code from 12 to 49 or 52 to 99: they are reserved',
    run(subject) {
      const codes = [
        ...new Set(subject.log.map(({ reply, exitCode }) => (exitCode === 0 ? undefined : reply?.code))),
      ];
      const reserved = codes.filter(
        (code) => typeof code === 'number' && ((code > 11 && code < 50) || (code > 51 && code < 100)),
      );
      expect(reserved.length === 0, `codes ${reserved.join(', ')}`);
      return `codes ${codes.filter((code) => code !== undefined).join(', ')}`;
    },
  },
  {
    id: 'ERR-4',
    level: 'MUST',
    title: 'No error document came with exit code 0: runtimes take that for a success',
    run(subject) {
      const odd = subject.log.filter(
        ({ exitCode, reply }) => exitCode === 0 && reply && 'code' in reply && 'msg' in reply,
      );
      expect(odd.length === 0, `${odd.length} of ${subject.log.length} runs`);
      return `${subject.log.length} runs`;
    },
  },
];

/** A network of one address, one that the plugin gives out anyway, so that it gets along with what is there. */
async function oneAddress(subject: Subject, name: string): Promise<Record<string, unknown>> {
  const { ranges, subnet, ...rest } = (subject.config.ipam ?? {}) as {
    ranges?: { subnet: string }[][];
    subnet?: string;
  };
  const whole = ranges?.[0]?.[0]?.subnet ?? subnet;
  if (whole === undefined) skip('The configuration names no range that could be made small');
  const probe = subject.container();
  const { result } = await subject.add(probe);
  await subject.del(probe);
  const only = result.ips?.[0]?.address.split('/')[0];
  if (only === undefined) skip('It gives out no addresses');
  return { name, ipam: { ...rest, ranges: [[{ subnet: whole, rangeStart: only, rangeEnd: only }]] } };
}
