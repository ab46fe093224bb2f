/** Checks that the schemas of policies and the guard share. */
import { contains, familyOf, type Prefix, parsePrefix } from '@cnikit/ip';

export const MAX_PORT = 65_535;
/** IANA_SVC_NAME, as the API server checks it: at most 15 characters, at least one letter. */
export const PORT_NAME = /^(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;
export const MAX_PORT_NAME = 15;

/** Parses a prefix that states its length. */
export function parseBlock(text: string): Prefix | undefined {
  return text.includes('/') ? parsePrefix(text) : undefined;
}

export function isStrictlyWithin(inner: Prefix, outer: Prefix): boolean {
  return (
    familyOf(inner.address) === familyOf(outer.address) &&
    inner.length > outer.length &&
    contains(outer, inner.address)
  );
}
