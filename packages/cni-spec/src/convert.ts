import { parseJson } from './decode.ts';
import { CniError, ErrorCode } from './error.ts';
import { isResult } from './guards.ts';
import type { IpConfig020, IpConfig040, Result, Result020, Result040, Route } from './schemas/index.ts';
import {
  defaultVersion,
  isVersion,
  latestVersion,
  type ResultFamily,
  resultFamily,
  supportedVersions,
  type Version,
} from './version.ts';
import { cleanRoute, compact, familyOf } from './versions/parts.ts';
import { decode020 } from './versions/v0_2.ts';
import { decode040 } from './versions/v0_4.ts';
import { clean1, decode1 } from './versions/v1.ts';

/** A result document as it goes over the wire, in the shape of its version. */
export type ResultDocument = (Result | Result020 | Result040) & { cniVersion: Version };

/** A converted result, and the parts of the input that the target version has no place for, such as `interfaces`. */
export interface Conversion {
  document: ResultDocument;
  lost: string[];
}

const DECODERS: Record<ResultFamily, (value: unknown) => Result | Result020 | Result040> = {
  '0.2': decode020,
  '0.4': decode040,
  '1.x': decode1,
};

/**
 * Converts a result between any two versions, as the reference library does.
 *
 * Inside a family (see {@link resultFamily}) only the version changes, so a 1.1.0 result restamped 1.0.0 keeps
 * 1.1.0's keys. Keys nobody knows are lost. A target of '' is 0.1.0.
 *
 * @param value the parsed document, in the shape of `from`
 * @throws CniError 1 for an unknown version, 6 for a document that is none of `from`, 999 where the target
 *   needs an address and there is none.
 */
export function convertResult(value: unknown, from: string, to: string): Conversion {
  const source = resultFamily(knownVersion(from));
  const version = knownVersion(to);
  const target = resultFamily(version);
  const decoded = DECODERS[source](value);
  const lost: string[] = [];
  const document = source === target ? decoded : convertDecoded(decoded, source, target, lost);
  return { document: stamp(document, version), lost };
}

/**
 * Reads a result of any version into the newest shape.
 *
 * @param value the document: parsed, or as JSON text
 * @param version what a document without cniVersion is: the configuration's; 0.1.0 if not given
 * @throws CniError 1 for an unknown version, 6 for a document that does not decode.
 */
export function decodeResult(value: unknown, version: string = defaultVersion): Result {
  const document = typeof value === 'string' ? parseJson(value, 'the result') : value;
  return convertResult(document, statedVersion(document) ?? version, latestVersion).document as Result;
}

/**
 * Makes the document of a version from a result.
 *
 * @param result in the newest shape; its own cniVersion does not matter
 * @param version any of {@link supportedVersions}, or '' for 0.1.0
 * @throws CniError 1 for an unknown version, 6 if the result is malformed, 999 if 0.1.0 or 0.2.0 is asked for
 *   and there is no address.
 */
export function encodeResult(result: Result, version: string): ResultDocument {
  const known = knownVersion(version);
  const target = resultFamily(known);
  const clean = isResult(result) ? clean1(result) : decode1(result);
  const document = target === '1.x' ? clean : convertDecoded(clean, '1.x', target, []);
  return stamp(document, known);
}

/** The version a result document states; undefined if it states none. */
export function statedVersion(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null) {
    return undefined;
  }
  const key = Object.keys(document).findLast((one) => one.toLowerCase() === 'cniversion');
  const version = key === undefined ? undefined : (document as Record<string, unknown>)[key];
  if (version === undefined || version === null) {
    return undefined;
  }
  if (typeof version === 'string' && version !== '') {
    return version;
  }
  throw new CniError(
    ErrorCode.DecodingFailure,
    `Invalid cniVersion ${JSON.stringify(version)} in the result`,
  );
}

/** The version comes first: it is what people look for. */
function stamp(
  { cniVersion: _, ...rest }: Result | Result020 | Result040,
  cniVersion: Version,
): ResultDocument {
  return { cniVersion, ...rest };
}

function knownVersion(version: string): Version {
  if (version === '') {
    return defaultVersion;
  }
  if (isVersion(version)) {
    return version;
  }
  throw new CniError(
    ErrorCode.IncompatibleCNIVersion,
    `No converter for results of version ${JSON.stringify(version)}`,
    `Known are ${supportedVersions.join(', ')}`,
  );
}

function convertDecoded(
  decoded: Result | Result020 | Result040,
  source: ResultFamily,
  target: ResultFamily,
  lost: string[],
): Result | Result020 | Result040 {
  if (source === '0.2') {
    return from020(decoded as Result020, target);
  }
  if (target === '1.x') {
    return from040(decoded as Result040);
  }
  if (target === '0.4') {
    return to040(decoded as Result, lost);
  }
  const family = (ip: IpConfig040) => (source === '0.4' ? ip.version : familyOf(ip.address));
  return to020(decoded as Result040, family, lost);
}

/** From 0.3.0-0.4.0 to 1.x: `version` is dropped, whether it was right or not. */
function from040(result: Result040): Result {
  return compact({
    ...result,
    ips: result.ips?.map(({ version: _, ...ip }) => ip),
    dns: nonEmpty(result.dns),
  });
}

/** Up from one address per family: ip4 comes first whatever the order of keys. */
function from020(result: Result020, target: ResultFamily): Result | Result040 {
  const ips: IpConfig040[] = [];
  const routes: Route[] = [];
  for (const [version, ip] of [
    ['4', result.ip4],
    ['6', result.ip6],
  ] as const) {
    if (!ip) {
      continue;
    }
    ips.push(
      compact({ version: target === '0.4' ? version : undefined, address: ip.ip, gateway: ip.gateway }),
    );
    routes.push(...(ip.routes ?? []).map(cleanRoute));
  }
  return compact({
    ips: ips.length > 0 ? ips : undefined,
    routes: routes.length > 0 ? routes : undefined,
    dns: target === '0.4' ? (result.dns ?? {}) : nonEmpty(result.dns),
  });
}

/** From 1.x to 0.3.0-0.4.0: `version` comes from the address; the reference keeps the route extras. */
function to040(result: Result, lost: string[]): Result040 {
  for (const [index, one] of (result.interfaces ?? []).entries()) {
    for (const key of ['mtu', 'socketPath', 'pciID'] as const) {
      if (one[key] !== undefined) {
        lost.push(`interfaces[${index}].${key}`);
      }
    }
  }
  return compact({
    interfaces: result.interfaces?.map(({ name, mac, sandbox }) => compact({ name, mac, sandbox })),
    ips: result.ips?.map((ip) => ({ version: familyOf(ip.address), ...ip })),
    routes: result.routes,
    dns: result.dns ?? {},
  });
}

/** Down to one address per family: the first of each, and each route to its family's. */
function to020(
  result: Result040,
  family: (ip: IpConfig040) => string | undefined,
  lost: string[],
): Result020 {
  const chosen: { 4?: IpConfig020; 6?: IpConfig020 } = {};
  if (result.interfaces) {
    lost.push('interfaces');
  }
  for (const [index, ip] of (result.ips ?? []).entries()) {
    const version = family(ip);
    if ((version !== '4' && version !== '6') || chosen[version]) {
      lost.push(`ips[${index}]`);
      continue;
    }
    if (ip.interface !== undefined) {
      lost.push(`ips[${index}].interface`);
    }
    chosen[version] = compact({ ip: ip.address, gateway: ip.gateway });
  }
  // The words are the reference's: its users and tests match them.
  if (!chosen[4] && !chosen[6]) {
    throw new CniError(ErrorCode.Internal, 'cannot convert: no valid IP addresses');
  }
  for (const [index, route] of (result.routes ?? []).entries()) {
    const ip = chosen[familyOf(route.dst)];
    if (!ip) {
      lost.push(`routes[${index}]`);
      continue;
    }
    for (const key of Object.keys(route)) {
      if (key !== 'dst' && key !== 'gw') {
        lost.push(`routes[${index}].${key}`);
      }
    }
    ip.routes = [...(ip.routes ?? []), compact({ dst: route.dst, gw: route.gw })];
  }
  return compact({ ip4: chosen[4], ip6: chosen[6], dns: result.dns ?? {} });
}

function nonEmpty<T extends object>(value: T | undefined): T | undefined {
  return value && Object.keys(value).length > 0 ? value : undefined;
}
