/** The task of every contender in the benchmark of routes, and its timings. */

export const ROUTES = 5_000;
export const GATEWAY = '10.0.0.9';
/** RTA_PROTOCOL of the routes, to distinguish them from the kernel's. */
export const PROTOCOL = 201;

/** Milliseconds. */
export interface Times {
  add: number;
  dump: number;
  remove: number;
}

/** Returns the /24 network of a route. */
export function destination(i: number): string {
  return `10.${100 + (i >> 8)}.${i & 255}.0`;
}
