/** What everybody does in the benchmark of routes, and what it took. */

export const ROUTES = 5_000;
export const GATEWAY = '10.0.0.9';
/** RTA_PROTOCOL of the routes, so that they are told from the kernel's. */
export const PROTOCOL = 201;

/** Milliseconds. */
export interface Times {
  add: number;
  dump: number;
  remove: number;
}

/** The network of a route, a /24. */
export function destination(i: number): string {
  return `10.${100 + (i >> 8)}.${i & 255}.0`;
}
