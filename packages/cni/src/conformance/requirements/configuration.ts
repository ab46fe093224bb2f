import { expect, type Requirement, skip } from '../requirement.ts';
import { describe, failedWith, succeeded } from '../subject.ts';

export const configuration: Requirement[] = [
  {
    id: 'CONF-1',
    level: 'MUST',
    title: 'stdin that is not exactly one JSON object is refused with code 6',
    async run(subject) {
      for (const stdin of ['', '[]', 'x', '{} x'])
        failedWith(await subject.run('ADD', subject.container(), { stdin }), 6);
      return 'empty, [], x, {} x: code 6';
    },
  },
  {
    id: 'CONF-2',
    level: 'MUST',
    title: 'name has to be there and well formed: code 7, or 6 for a wrong type',
    async run(subject) {
      for (const name of [undefined, 'a b', 'a/b'])
        failedWith(await subject.run('ADD', subject.container(), { conf: { name } }), 7);
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
      return 'code 1, both named';
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
];

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
        if (/^0\.[12]\./.test(version) && subject.kind !== 'ipam') continue;
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
        if (!subject.tryable.includes(version)) continue;
        failedWith(await subject.run(command, subject.container(), { version }), 1, 4);
        tried.push(`${command} at ${version}`);
      }
      if (tried.length === 0) skip('It speaks no version without the commands');
      return `${tried.join(', ')}: refused`;
    },
  },
];

export const args: Requirement[] = [
  {
    id: 'ARGS-1',
    level: 'ref',
    title: 'CNI_ARGS that is no list of KEY=value is refused',
    async run(subject) {
      for (const CNI_ARGS of ['IP', 'IgnoreUnknown=1;A=b=c'])
        failedWith(await subject.run('ADD', subject.container(), { env: { CNI_ARGS } }));
      return 'refused';
    },
  },
  {
    id: 'ARGS-2',
    level: 'ref',
    title: 'Unknown CNI_ARGS are refused unless IgnoreUnknown=1',
    async run(subject) {
      await subject.add(subject.container(), { env: { CNI_ARGS: 'STRANGER=1;IgnoreUnknown=1' } });
      failedWith(await subject.run('ADD', subject.container(), { env: { CNI_ARGS: 'STRANGER=1' } }));
      return 'refused, and let pass with IgnoreUnknown=1';
    },
  },
  {
    id: 'ARGS-4',
    level: 'MUST',
    title: "The order of the runtime's K8S_POD_* does not matter between ADD and DEL",
    async run(subject) {
      const pod = [
        'K8S_POD_NAMESPACE=default',
        'K8S_POD_NAME=web',
        'K8S_POD_INFRA_CONTAINER_ID=x',
        'K8S_POD_UID=u',
        'IgnoreUnknown=1',
      ];
      const container = subject.container();
      await subject.add(container, { env: { CNI_ARGS: pod.join(';') } });
      await subject.del(container, { env: { CNI_ARGS: pod.toReversed().join(';') } });
      return 'ADD and DEL succeed';
    },
  },
];
