import { decodeAs } from '../decode.ts';
import { isResult020, result020Keys } from '../guards.ts';
import type { IpConfig020, Result020 } from '../schemas/index.ts';
import type { Version } from '../version.ts';
import {
  canonicalCidr,
  canonicalIp,
  cleanDns,
  cleanRoute,
  compact,
  mapNonEmpty,
  type Stamped,
} from './parts.ts';

/** Decodes a result of 0.1.0 or 0.2.0. */
export function decode020(value: unknown, cniVersion: Version): Stamped<Result020> {
  const schema = { name: 'result020', guard: isResult020, keys: result020Keys } as const;
  return clean020(decodeAs(schema, value, 'the result'), cniVersion);
}

/**
 * Returns the result with only the keys of these versions and canonical addresses. `dns` is always present.
 */
function clean020(result: Result020, cniVersion: Version): Stamped<Result020> {
  return compact({
    cniVersion,
    ip4: cleanIp(result.ip4),
    ip6: cleanIp(result.ip6),
    dns: cleanDns(result.dns) ?? {},
  });
}

function cleanIp(ip: IpConfig020 | undefined): IpConfig020 | undefined {
  if (!ip) {
    return undefined;
  }
  return compact({
    ip: canonicalCidr(ip.ip),
    gateway: canonicalIp(ip.gateway),
    routes: mapNonEmpty(ip.routes, cleanRoute),
  });
}
