import { decodeAs } from '../decode.ts';
import { isResult040, result040Keys } from '../guards.ts';
import type { Result040 } from '../schemas/index.ts';
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

/**
 * Decodes a result of 0.3.0, 0.3.1 or 0.4.0. The key `ip` in one place of the 0.3.0 text is an error of the
 * text.
 */
export function decode040(value: unknown, cniVersion: Version): Stamped<Result040> {
  const schema = { name: 'result040', guard: isResult040, keys: result040Keys } as const;
  return clean040(decodeAs(schema, value, 'the result'), cniVersion);
}

/**
 * Returns the result with only the keys of these versions and canonical addresses. `dns` is always present.
 */
function clean040(result: Result040, cniVersion: Version): Stamped<Result040> {
  return compact({
    cniVersion,
    interfaces: mapNonEmpty(result.interfaces, ({ name, mac, sandbox }) =>
      compact({ name, mac: mac || undefined, sandbox: sandbox || undefined }),
    ),
    ips: mapNonEmpty(result.ips, (ip) =>
      compact({
        version: ip.version ?? '',
        address: canonicalCidr(ip.address),
        gateway: canonicalIp(ip.gateway),
        interface: ip.interface,
      }),
    ),
    routes: mapNonEmpty(result.routes, cleanRoute),
    dns: cleanDns(result.dns) ?? {},
  });
}
