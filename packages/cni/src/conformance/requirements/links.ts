import type { Link } from '@cnikit/netlink';
import { within } from '../netns.ts';
import { expect } from '../outcome.ts';
import type { Container, RunOptions, Subject } from '../subject.ts';

/** Shared things, such as a bridge, are made by the first ADD and may stay. */
export async function warmUp(subject: Subject, options: RunOptions = {}): Promise<void> {
  const container = subject.container();
  await subject.add(container, options);
  await subject.del(container, options);
}

/** The addresses on the container's interface, without link-local ones; undefined if it has no such interface. */
export function addressesOf({ netns, ifName }: Container): string[] | undefined {
  return within(netns, (rt) => {
    const link = rt.link({ name: ifName });
    return (
      link &&
      rt
        .addresses({ index: link.index })
        .map(({ address }) => address)
        .filter((address) => !address.startsWith('fe80:'))
    );
  });
}

/** Refuses links of the host that were not there before. */
export function nothingLeft(subject: Subject, before: readonly string[]): void {
  const left = subject.links().filter((name) => !before.includes(name));
  expect(left.length === 0, `links left on the host: ${left.join(', ')}`);
}

/** The container's interface; undefined if it has none of that name. */
export function linkOf({ netns, ifName }: Container): Link | undefined {
  return within(netns, (rt) => rt.link({ name: ifName }));
}
