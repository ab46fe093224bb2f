import type { Request } from '@cnikit/netlink';
import { Template } from '@cnikit/netlink/short-lived';
import { INDEX } from './examples.ts';

/**
 * Returns a function that makes requests which depend only on the index of a link. They are encoded once: the static
 * executable contains the result, while encoding takes it up to 100,000 instructions each.
 *
 * @param make returns the requests for an index
 */
export function perLink(make: (index: number) => readonly Request[]): (index: number) => Request[] {
  const templates = make(INDEX).map(
    (_, i) => new Template<{ index: number }>(({ index }) => make(index)[i]!, { index: INDEX }),
  );
  return (index) => templates.map((template) => template.fill({ index }));
}
