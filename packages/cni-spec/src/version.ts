/** Every released version of the CNI protocol, oldest first. */
export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

/** One of {@link supportedVersions}. */
export type Version = (typeof supportedVersions)[number];

/** The newest version, whose result shape this package's `Result` has. */
export const latestVersion: Version = '1.1.0';

/** What a configuration or result without a cniVersion is (SPEC section 1; 0.1.0 had no such key). */
export const defaultVersion: Version = '0.1.0';

/**
 * Results differ in shape between three groups of versions only: `ip4`/`ip6` (0.1.0, 0.2.0), `ips` with
 * a version in each (0.3.0 to 0.4.0), `ips` without it (1.0.0, 1.1.0).
 */
export type ResultFamily = '0.2' | '0.4' | '1.x';

const FAMILIES: Record<Version, ResultFamily> = {
  '0.1.0': '0.2',
  '0.2.0': '0.2',
  '0.3.0': '0.4',
  '0.3.1': '0.4',
  '0.4.0': '0.4',
  '1.0.0': '1.x',
  '1.1.0': '1.x',
};

/** The lowest version that has the verb. */
export const verbSince = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' } as const;

/** Whether this package knows the version. */
export function isVersion(value: unknown): value is Version {
  return typeof value === 'string' && Object.hasOwn(FAMILIES, value);
}

/** Which shape the results of a version have. */
export function resultFamily(version: Version): ResultFamily {
  return FAMILIES[version];
}

/** Three numbers of a version, or undefined if it is none. `1.0` and `v1.0.0` are none. */
export function parseVersion(version: string): [number, number, number] | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(version);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

/**
 * Compares two versions number by number: negative, 0 or positive, as for Array.sort.
 *
 * @throws RangeError if one of them is no version.
 */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (!left || !right) {
    throw new RangeError(`Invalid CNI version ${JSON.stringify(left ? b : a)}`);
  }
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}
