import { parseJson } from './decode.ts';
import { CniError, ErrorCode } from './error.ts';
import { isResult } from './guards.ts';
import { normaliseKeys } from './keys.ts';
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
import { cleanDns, cleanRoute, compact, familyOf, type Stamped } from './versions/parts.ts';
import { decode020 } from './versions/v0-2.ts';
import { decode040 } from './versions/v0-4.ts';
import { clean1, decode1 } from './versions/v1.ts';

/** A result document in the format of its version. */
export type ResultDocument = Stamped<Result> | Stamped<Result020> | Stamped<Result040>;

/**
 * A converted result, and the paths of the input that the target version cannot represent, such as
 * `interfaces`.
 */
export interface Conversion {
  document: ResultDocument;
  lost: string[];
}

const DECODERS: Record<ResultFamily, (value: unknown, version: Version) => ResultDocument> = {
  '0.2': decode020,
  '0.4': decode040,
  '1.x': decode1,
};

/**
 * Converts a result between any two versions, as libcni does. Within a family (see {@link resultFamily}) only
 * the version changes, so a 1.1.0 result converted to 1.0.0 keeps the keys of 1.1.0. Unknown keys are
 * dropped. An empty `to` means 0.1.0.
 *
 * @param value the parsed document, in the format of `from`
 * @throws {CniError} 1 for an unknown version, 6 for a document that is not in the format of `from`, 999 when
 * the target
 *   requires an address and the result has none
 */
export function convertResult(value: unknown, from: string, to: string): Conversion {
  const source = resultFamily(knownVersion(from));
  const version = knownVersion(to);
  const target = resultFamily(version);
  const decoded = DECODERS[source](value, version);
  const lost: string[] = [];
  const document = source === target ? decoded : convertDecoded(decoded, source, target, lost);
  return { document, lost };
}

/**
 * Decodes a result of any version into the latest format.
 *
 * @param value the document, parsed or as JSON text
 * @param version version of a document without cniVersion: that of the configuration. Default: 0.1.0
 * @throws {CniError} 1 for an unknown version, 6 for an invalid document
 */
export function decodeResult(value: unknown, version: string = defaultVersion): Result {
  const document = typeof value === 'string' ? parseJson(value, 'the result') : value;
  return convertResult(document, statedVersion(document) ?? version, latestVersion).document as Result;
}

/**
 * Encodes a result for a version.
 *
 * @param result in the latest format; its cniVersion is ignored
 * @param version one of {@link supportedVersions}, or '' for 0.1.0
 * @throws {CniError} 1 for an unknown version, 6 for an invalid result, 999 for 0.1.0 or 0.2.0 without any
 * address
 */
export function encodeResult(result: Result, version: string): ResultDocument {
  const known = knownVersion(version);
  return converted1(isResult(result) ? clean1(result, known) : decode1(result, known));
}

/**
 * Encodes a result for a version without checking it.
 *
 * @param result as {@link decodeResult} returns it, but empty lists and any `dns` are allowed; its cniVersion is ignored
 * @throws {CniError} 999 for 0.1.0 or 0.2.0 without any address
 */
export function encodeCanonicalResult(result: Result, version: Version): ResultDocument {
  const { interfaces, ips, routes, dns } = result;
  return converted1({
    cniVersion: version,
    interfaces: interfaces?.length ? interfaces : undefined,
    ips: ips?.length ? ips : undefined,
    routes: routes?.length ? routes : undefined,
    dns: dns && cleanDns(dns),
  });
}

/** Converts a clean result to the format of its cniVersion. */
function converted1(result: Stamped<Result>): ResultDocument {
  const target = resultFamily(result.cniVersion);
  return target === '1.x' ? result : convertDecoded(result, '1.x', target, []);
}

/** Returns the cniVersion of a result document, or `undefined` if it has none. */
export function statedVersion(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null) {
    return undefined;
  }
  const { cniVersion: version } = normaliseKeys(document, { cniVersion: null }) as { cniVersion?: unknown };
  if (version === undefined || (typeof version === 'string' && version !== '')) {
    return version;
  }
  throw new CniError(
    ErrorCode.DecodingFailure,
    `Invalid cniVersion ${JSON.stringify(version)} in the result`,
  );
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
    `Unsupported result version ${JSON.stringify(version)}`,
    `Supported versions: ${supportedVersions.join(', ')}`,
  );
}

function convertDecoded(
  decoded: ResultDocument,
  source: ResultFamily,
  target: ResultFamily,
  lost: string[],
): ResultDocument {
  if (source === '0.2') {
    return from020(decoded as Stamped<Result020>, target);
  }
  if (target === '1.x') {
    return from040(decoded as Stamped<Result040>);
  }
  if (target === '0.4') {
    return to040(decoded as Stamped<Result>, lost);
  }
  const family = (ip: IpConfig040) => (source === '0.4' ? ip.version : familyOf(ip.address));
  return to020(decoded as Stamped<Result040>, family, lost);
}

/** Converts 0.3.0-0.4.0 to 1.x. Drops `version`, right or wrong. */
function from040(result: Stamped<Result040>): Stamped<Result> {
  return compact({
    ...result,
    ips: result.ips?.map(({ version: _, ...ip }) => ip),
    dns: nonEmpty(result.dns),
  });
}

/** Converts 0.1.0-0.2.0 to a later version. ip4 comes first, in any order of the keys. */
function from020(result: Stamped<Result020>, target: ResultFamily): Stamped<Result> | Stamped<Result040> {
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
    cniVersion: result.cniVersion,
    ips: ips.length > 0 ? ips : undefined,
    routes: routes.length > 0 ? routes : undefined,
    dns: target === '0.4' ? (result.dns ?? {}) : nonEmpty(result.dns),
  });
}

/**
 * Converts 1.x to 0.3.0-0.4.0. Derives `version` from the address, and keeps all keys of routes as libcni
 * does.
 */
function to040(result: Stamped<Result>, lost: string[]): Stamped<Result040> {
  for (const [index, one] of (result.interfaces ?? []).entries()) {
    for (const key of ['mtu', 'socketPath', 'pciID'] as const) {
      if (one[key] !== undefined) {
        lost.push(`interfaces[${index}].${key}`);
      }
    }
  }
  return compact({
    cniVersion: result.cniVersion,
    interfaces: result.interfaces?.map(({ name, mac, sandbox }) => compact({ name, mac, sandbox })),
    ips: result.ips?.map((ip) => ({ version: familyOf(ip.address), ...ip })),
    routes: result.routes,
    dns: result.dns ?? {},
  });
}

/** Converts to 0.1.0-0.2.0: the first address of each family, with the routes of that family. */
function to020(
  result: Stamped<Result040>,
  family: (ip: IpConfig040) => string | undefined,
  lost: string[],
): Stamped<Result020> {
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
  // The message of libcni, which users match.
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
  return compact({ cniVersion: result.cniVersion, ip4: chosen[4], ip6: chosen[6], dns: result.dns ?? {} });
}

function nonEmpty<T extends object>(value: T | undefined): T | undefined {
  return value && Object.keys(value).length > 0 ? value : undefined;
}
