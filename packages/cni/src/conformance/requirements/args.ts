import { expect } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { failedWith } from '../subject.ts';
import { linkOf } from './links.ts';
import { freeAddress } from './pool.ts';

export const args: Requirement[] = [
  {
    id: 'ARGS-1',
    level: 'ref',
    title: 'ADD fails when CNI_ARGS is not a list of KEY=value',
    async run(subject) {
      for (const CNI_ARGS of ['IP', 'IgnoreUnknown=1;A=b=c']) {
        failedWith(await subject.run('ADD', subject.container(), { env: { CNI_ARGS } }));
      }
      return 'refused';
    },
  },
  {
    id: 'ARGS-2',
    level: 'ref',
    title: 'ADD fails on unknown CNI_ARGS unless IgnoreUnknown=1',
    async run(subject) {
      await subject.add(subject.container(), { env: { CNI_ARGS: 'STRANGER=1;IgnoreUnknown=1' } });
      failedWith(await subject.run('ADD', subject.container(), { env: { CNI_ARGS: 'STRANGER=1' } }));
      return 'refused, and accepted with IgnoreUnknown=1';
    },
  },
  {
    id: 'ARGS-4',
    level: 'MUST',
    title: 'DEL succeeds with the K8S_POD_* arguments of ADD in another order',
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
  {
    id: 'ARGS-3',
    level: 'SHOULD',
    title: 'runtimeConfig.mac overrides args.cni.mac, which overrides MAC of CNI_ARGS',
    async run(subject) {
      subject.needsCapability('mac');
      const [first, second, third] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b', '02:00:00:00:00:0c'];
      const env = { CNI_ARGS: `MAC=${third};IgnoreUnknown=1` };
      for (const [mac, conf] of [
        [first, { runtimeConfig: { mac: first }, args: { cni: { mac: second } } }],
        [second, { args: { cni: { mac: second } } }],
        [third, {}],
      ] as const) {
        const container = subject.container();
        await subject.add(container, { env, conf });
        const given = linkOf(container)?.mac;
        expect(given === mac, `${JSON.stringify(conf)}: the interface has ${given}, not ${mac}`);
      }
      return 'in this order';
    },
  },
  {
    id: 'ARGS-3b',
    level: 'ref',
    title: 'ADD assigns the address that IP of CNI_ARGS requests',
    async run(subject) {
      subject.needsCapability('ips');
      const wanted = await freeAddress(subject);
      const container = subject.container();
      const { result } = await subject.add(container, { env: { CNI_ARGS: `IgnoreUnknown=1;IP=${wanted}` } });
      const given = (result.ips ?? []).map(({ address }) => address.split('/')[0]);
      expect(given.includes(wanted), `requested ${wanted}, got ${given.join(', ')}`);
      return wanted;
    },
  },
];
