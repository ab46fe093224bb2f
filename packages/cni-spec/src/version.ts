/** Every released version of the CNI protocol, oldest first. */
export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

/** One of {@link supportedVersions}. */
export type Version = (typeof supportedVersions)[number];

/** The latest version, whose result format is `Result`. */
export const latestVersion: Version = '1.1.0';

/** The version of a configuration or result without cniVersion (SPEC section 1; 0.1.0 had no such key). */
export const defaultVersion: Version = '0.1.0';

/**
 * Results have three formats: `ip4` and `ip6` (0.1.0, 0.2.0), `ips` with a version in each (0.3.0 to 0.4.0),
 * and `ips` without it (1.0.0, 1.1.0).
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

/** The first version with the verb. */
export const verbSince = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' } as const;

/** Returns true for one of {@link supportedVersions}. */
export function isVersion(value: unknown): value is Version {
  return typeof value === 'string' && Object.hasOwn(FAMILIES, value);
}

/** Returns the result format of a version. */
export function resultFamily(version: Version): ResultFamily {
  return FAMILIES[version];
}

/** Parses a version of three numbers. Returns `undefined` for any other text, such as `1.0` or `v1.0.0`. */
export function parseVersion(version: string): [number, number, number] | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(version);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

/**
 * Compares two versions number by number, for `sort()`.
 *
 * @throws {RangeError} for an invalid version
 */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (!left || !right) {
    throw new RangeError(`Invalid CNI version ${JSON.stringify(left ? b : a)}`);
  }
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}
