import { newRoute, setLink } from '@cnikit/netlink';
import { within } from '../netns.ts';
import { expect, skip } from '../outcome.ts';
import type { Requirement } from '../requirement.ts';
import { type Container, describe, type Subject } from '../subject.ts';
import { nothingLeft, warmUp } from './links.ts';

/** Settings that a later plugin changes. */
const LATER = { mac: '02:00:00:00:00:77', mtu: 1380 };

export const chain: Requirement[] = [
  {
    id: 'CHAIN-1',
    level: 'SHOULD',
    title: 'ADD of a chained plugin finds its interface among foreign ones, and returns all of them',
    async run(subject) {
      if (subject.kind !== 'chained') {
        skip('Only for chained plugins');
      }
      const container = subject.container();
      const { interfaces, ...rest } = subject.chainResult(container, subject.version);
      const [host, own] = interfaces as [object, object];
      // The interfaces before it shift its index.
      const foreign = [{ name: 'tap0' }, { name: 'net7', sandbox: container.netns }];
      const ips = rest.ips.map((ip) => ({ ...ip, interface: ip.interface + foreign.length }));
      const prevResult = { ...rest, interfaces: [...foreign, host, own], ips };
      const { result } = await subject.add(container, { conf: { prevResult } });
      const names = result.interfaces?.map(({ name }) => name) ?? [];
      const wanted = ['tap0', 'net7', container.host, container.ifName];
      expect(
        wanted.every((name) => names.includes(name!)),
        `expected ${wanted.join(', ')}, got ${names.join(', ')}`,
      );
      const index = result.ips?.[0]?.interface;
      expect(
        index !== undefined && result.interfaces?.[index]?.name === container.ifName,
        `the address belongs to interface ${index}, ${result.interfaces?.[index ?? -1]?.name}`,
      );
      await subject.del(container, {
        conf: { prevResult: { ...prevResult, interfaces: result.interfaces } },
      });
      return names.join(', ');
    },
  },
  {
    id: 'CHECK-4',
    level: 'MUST',
    title: 'CHECK accepts changes of later plugins, and DEL accepts the final result (also DEL-6)',
    run: (subject) =>
      afterLaterPlugins(subject, ({ interfaces = [], ...rest }, container) => {
        within(container.netns, (rt) => {
          const { index } = rt.link({ name: container.ifName })!;
          rt.request(setLink({ index, ...LATER }));
          rt.request(newRoute({ dst: '203.0.113.0/24', oif: index }));
        });
        const later = interfaces.map((one) =>
          isOwn(one, container.ifName) ? { ...one, mac: LATER.mac } : one,
        );
        return { ...rest, interfaces: [...later, { name: 'tap0' }] };
      }),
  },
  {
    id: 'CHECK-4b',
    level: 'SHOULD',
    title: 'CHECK ignores the addresses of other interfaces',
    run: (subject) =>
      afterLaterPlugins(subject, ({ interfaces = [], ips = [], ...rest }) => {
        const old = subject.version.startsWith('0.') ? { version: '4' } : {};
        const foreign = { ...old, address: '198.51.100.7/24', interface: interfaces.length };
        return { ...rest, interfaces: [...interfaces, { name: 'tap0' }], ips: [...ips, foreign] };
      }),
  },
  {
    id: 'CHAIN-2',
    level: 'MUST',
    title: 'CHECK and DEL of a chained plugin accept a final result with interfaces and routes of others',
    async run(subject) {
      subject.needs('CHECK');
      if (subject.kind !== 'chained') {
        skip('Only for chained plugins');
      }
      const container = subject.container();
      const { document } = await subject.add(container);
      const { interfaces = [], routes = [] } = document as Document & { routes?: object[] };
      const prevResult = {
        ...document,
        interfaces: [...interfaces, { name: 'tap0' }],
        routes: [...routes, { dst: '203.0.113.0/24' }],
      };
      const checked = await subject.run('CHECK', container, { conf: { prevResult } });
      expect(checked.exitCode === 0, describe(checked));
      await subject.del(container, { conf: { prevResult } });
      return 'CHECK and DEL succeed';
    },
  },
];

/** Runs ADD, the changes of later plugins, CHECK and DEL with the final result. No link may remain. */
async function afterLaterPlugins(
  subject: Subject,
  change: (document: Document, container: Container) => Document,
): Promise<string> {
  subject.needs('CHECK');
  if (subject.kind !== 'interface') {
    skip('Only for plugins that create an interface');
  }
  await warmUp(subject);
  const before = subject.links();
  const container = subject.container();
  const { document } = await subject.add(container);
  const prevResult = change(document, container);
  const checked = await subject.run('CHECK', container, { conf: { prevResult } });
  expect(checked.exitCode === 0, describe(checked));
  await subject.del(container, { conf: { prevResult } });
  nothingLeft(subject, before);
  return 'CHECK and DEL succeed';
}

/** A result as the plugin printed it. */
interface Document {
  interfaces?: Named[];
  ips?: object[];
}

interface Named {
  name: string;
  sandbox?: string;
}

function isOwn({ name, sandbox }: Named, ifName: string): boolean {
  return name === ifName && Boolean(sandbox);
}
