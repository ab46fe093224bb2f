import { decodeAs } from '../decode.ts';
import { isResult, resultKeys } from '../guards.ts';
import type { Result } from '../schemas/index.ts';
import { canonicalCidr, canonicalIp, cleanDns, cleanRoute, compact, mapNonEmpty } from './parts.ts';

/** Decodes a result of 1.0.0 or 1.1.0. */
export function decode1(value: unknown): Result {
  return clean1(decodeAs({ name: 'result', guard: isResult, keys: resultKeys }, value, 'the result'));
}

/** Returns the result with only the keys of these versions and canonical addresses. Drops an empty `dns`. */
export function clean1(result: Result): Result {
  return compact({
    cniVersion: result.cniVersion,
    interfaces: mapNonEmpty(result.interfaces, (one) =>
      compact({
        name: one.name,
        mac: one.mac || undefined,
        mtu: one.mtu || undefined,
        sandbox: one.sandbox || undefined,
        socketPath: one.socketPath || undefined,
        pciID: one.pciID || undefined,
      }),
    ),
    ips: mapNonEmpty(result.ips, (ip) =>
      compact({
        address: canonicalCidr(ip.address),
        gateway: canonicalIp(ip.gateway),
        interface: ip.interface,
      }),
    ),
    routes: mapNonEmpty(result.routes, cleanRoute),
    dns: cleanDns(result.dns),
  });
}
