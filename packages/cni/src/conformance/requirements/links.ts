import type { Link } from '@cnikit/netlink';
import { within } from '../netns.ts';
import { expect } from '../outcome.ts';
import type { Container, RunOptions, Subject } from '../subject.ts';

/** Runs ADD and DEL once, so that shared links such as a bridge exist: they may stay. */
export async function warmUp(subject: Subject, options: RunOptions = {}): Promise<void> {
  const container = subject.container();
  await subject.add(container, options);
  await subject.del(container, options);
}

/** Returns the addresses of the container's interface except link-local ones; undefined without the interface. */
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

/** Asserts that the host has no links but those of `before`. */
export function nothingLeft(subject: Subject, before: readonly string[]): void {
  const left = subject.links().filter((name) => !before.includes(name));
  expect(left.length === 0, `links left on the host: ${left.join(', ')}`);
}

/** Returns the container's interface; undefined when it does not exist. */
export function linkOf({ netns, ifName }: Container): Link | undefined {
  return within(netns, (rt) => rt.link({ name: ifName }));
}
