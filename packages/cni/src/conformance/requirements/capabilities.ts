import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { failedWith, type Subject, succeeded } from '../subject.ts';
import { linkOf } from './links.ts';
import { freeAddress, smallPool } from './pool.ts';

const MAC = '02:00:00:00:00:55';
const MAPPING = { hostPort: 18080, containerPort: 80, protocol: 'tcp' };
/** Burst that runtimes send for a rate without a burst. */
const DEFAULT_BURST = 2 ** 32 - 1;

/** Arguments by capability, with keys as runtimes in Go write them. */
const GO_CASED: Readonly<Record<string, unknown>> = {
  portMappings: [{ HostPort: 18081, ContainerPort: 80, Protocol: 'tcp', HostIP: '' }],
  bandwidth: {
    IngressRate: 1_000_000,
    IngressBurst: DEFAULT_BURST,
    EgressRate: 1_000_000,
    EgressBurst: DEFAULT_BURST,
  },
  dns: { Servers: ['192.0.2.53'], Searches: ['example.org'], Options: ['ndots:5'] },
};

export const capabilities: Requirement[] = [
  {
    id: 'CAP-2',
    level: 'ref',
    title: 'Keys of capability arguments match in any case, such as HostPort and Subnet of containerd',
    async run(subject) {
      const names = ['ipRanges', ...Object.keys(GO_CASED)].filter((name) =>
        subject.capabilities.includes(name),
      );
      if (names.length === 0) {
        skip('The configuration has no capability whose arguments have keys');
      }
      for (const name of names) {
        if (name === 'ipRanges') {
          await withRange(subject, ({ subnet, rangeStart, rangeEnd }) => ({
            Subnet: subnet,
            RangeStart: rangeStart,
            RangeEnd: rangeEnd,
          }));
          continue;
        }
        const container = subject.container();
        const { result } = await subject.add(container, {
          conf: { runtimeConfig: { [name]: GO_CASED[name] } },
        });
        if (name === 'dns') {
          expect(result.dns?.nameservers?.[0] === '192.0.2.53', 'the result lacks the requested dns');
        }
      }
      return names.join(', ');
    },
  },
  {
    id: 'CAP-3',
    level: 'SHOULD',
    title: 'ADD fails when portMappings has port 0 or a port above 65535',
    async run(subject) {
      subject.needsCapability('portMappings');
      const broken = [{ hostPort: 0 }, { containerPort: 0 }, { hostPort: 65536 }];
      for (const change of broken) {
        await refused(subject, 'portMappings', [{ ...MAPPING, ...change }]);
      }
      succeeded(await withArgument(subject, 'portMappings', [{ ...MAPPING, hostIP: '' }]));
      return 'refused; an empty hostIP is accepted';
    },
  },
  {
    id: 'CAP-4',
    level: 'SHOULD',
    title: 'ADD fails on a bandwidth rate without burst, and accepts zeros and the largest bursts',
    async run(subject) {
      subject.needsCapability('bandwidth');
      await refused(subject, 'bandwidth', { ingressRate: 1_000_000 });
      await refused(subject, 'bandwidth', { egressBurst: 1_000_000 });
      for (const burst of [DEFAULT_BURST, 8 * 2 ** 32 - 9]) {
        succeeded(await withArgument(subject, 'bandwidth', { ingressRate: 1_000_000, ingressBurst: burst }));
      }
      const zeros = { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 };
      succeeded(await withArgument(subject, 'bandwidth', zeros));
      return 'refused';
    },
  },
  {
    id: 'CAP-5',
    level: 'SHOULD',
    title: 'ADD assigns an address of the ipRanges that the runtime requests',
    async run(subject) {
      subject.needsCapability('ipRanges');
      return (await withRange(subject, (range) => range)).join(', ');
    },
  },
  {
    id: 'CAP-6',
    level: 'SHOULD',
    title: 'ADD applies the requested mac, ips and dns',
    async run(subject) {
      const done: string[] = [];
      if (subject.capabilities.includes('mac')) {
        const container = subject.container();
        await subject.add(container, { conf: { runtimeConfig: { mac: MAC } } });
        const { mac } = linkOf(container) ?? {};
        expect(mac === MAC, `requested ${MAC}, the interface has ${mac}`);
        done.push('mac');
      }
      if (subject.capabilities.includes('ips')) {
        const wanted = await freeAddress(subject);
        for (const ips of [[wanted], [`${wanted}/24`]]) {
          const container = subject.container();
          const { result } = await subject.add(container, { conf: { runtimeConfig: { ips } } });
          const given = (result.ips ?? []).map(({ address }) => address.split('/')[0]);
          expect(given.includes(wanted), `requested ${ips}, got ${given.join(', ')}`);
          await subject.del(container);
        }
        done.push('ips');
      }
      if (subject.capabilities.includes('dns')) {
        const dns = { servers: ['192.0.2.53'], searches: ['example.org'], options: ['ndots:5'] };
        const { result } = await subject.add(subject.container(), { conf: { runtimeConfig: { dns } } });
        const { nameservers, search, options } = result.dns ?? {};
        const given = JSON.stringify([nameservers, search, options]);
        expect(given === JSON.stringify(Object.values(dns)), `the result has ${given}`);
        done.push('dns');
      }
      if (done.length === 0) {
        skip('The configuration has none of these capabilities');
      }
      return done.join(', ');
    },
  },
  {
    id: 'CAP-6b',
    level: 'ref',
    title: 'A capability argument that is null counts as absent',
    async run(subject) {
      if (subject.capabilities.length === 0) {
        skip('The configuration has no capabilities');
      }
      for (const name of subject.capabilities) {
        succeeded(await withArgument(subject, name, null));
      }
      return subject.capabilities.join(', ');
    },
  },
  {
    id: 'CAP-7',
    level: 'SHOULD',
    title: 'ADD fails on a malformed argument, such as mac zz, and on an address that is in use',
    async run(subject) {
      const done: string[] = [];
      if (subject.capabilities.includes('mac')) {
        await refused(subject, 'mac', 'zz');
        done.push('mac');
      }
      if (subject.capabilities.includes('ips')) {
        const holder = subject.container();
        const { result } = await subject.add(holder);
        await refused(subject, 'ips', [result.ips?.[0]?.address]);
        await refused(subject, 'ips', ['10.99.300.1']);
        done.push('ips');
      }
      if (done.length === 0) {
        skip('The configuration has neither mac nor ips as a capability');
      }
      return `refused: ${done.join(', ')}`;
    },
  },
];

/** Removes the rates of the configuration, which override those of the runtime. */
const NO_RATES = {
  ingressRate: undefined,
  ingressBurst: undefined,
  egressRate: undefined,
  egressBurst: undefined,
};

function withArgument(subject: Subject, name: string, value: unknown) {
  const conf = { ...(name === 'bandwidth' ? NO_RATES : {}), runtimeConfig: { [name]: value } };
  return subject.run('ADD', subject.container(), { conf });
}

async function refused(subject: Subject, name: string, value: unknown): Promise<void> {
  failedWith(await withArgument(subject, name, value));
}

interface Range {
  subnet: string;
  rangeStart: string;
  rangeEnd: string;
}

/** Runs ADD with a range from the runtime only. Returns the addresses, which must be of that range. */
async function withRange(subject: Subject, spell: (range: Range) => object): Promise<string[]> {
  const { name, ipam } = await smallPool(subject, 'ranges');
  const range = (ipam.ranges as Range[][])[0]![0]!;
  const container = subject.container();
  const conf = {
    name,
    ipam: { ...ipam, ranges: undefined },
    runtimeConfig: { ipRanges: [[spell(range)]] },
  };
  const { result } = await subject.add(container, { conf });
  await subject.del(container, { conf });
  const addresses = (result.ips ?? []).map(({ address }) => address);
  expect(
    addresses.some((address) => address.split('/')[0] === range.rangeStart),
    `requested ${range.rangeStart}, got ${addresses.join(', ')}`,
  );
  return addresses;
}
