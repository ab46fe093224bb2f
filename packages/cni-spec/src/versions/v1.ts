import { decodeAs } from '../decode.ts';
import { isResult, resultKeys } from '../guards.ts';
import type { Interface, IpConfig, Result } from '../schemas/index.ts';
import type { Version } from '../version.ts';
import { canonicalCidr, canonicalIp, cleanDns, cleanRoute, type Stamped } from './parts.ts';

/** Decodes a result of 1.0.0 or 1.1.0. */
export function decode1(value: unknown, cniVersion: Version): Stamped<Result> {
  const schema = { name: 'result', guard: isResult, keys: resultKeys } as const;
  return clean1(decodeAs(schema, value, 'the result'), cniVersion);
}

/** Returns the result with only the keys of these versions and canonical addresses. Drops an empty `dns`. */
export function clean1({ interfaces, ips, routes, dns }: Result, cniVersion: Version): Stamped<Result> {
  return document1(
    {
      interfaces: interfaces?.map(cleanInterface),
      ips: ips?.map(cleanIp),
      routes: routes?.map(cleanRoute),
      dns,
    },
    cniVersion,
  );
}

/** Returns the document of a result whose interfaces, addresses and routes are clean. Drops empty parts. */
function document1({ interfaces, ips, routes, dns }: Result, cniVersion: Version): Stamped<Result> {
  const out: Stamped<Result> = { cniVersion };
  if (interfaces?.length) {
    out.interfaces = interfaces;
  }
  if (ips?.length) {
    out.ips = ips;
  }
  if (routes?.length) {
    out.routes = routes;
  }
  const cleanedDns = cleanDns(dns);
  if (cleanedDns) {
    out.dns = cleanedDns;
  }
  return out;
}

function cleanInterface({ name, mac, mtu, sandbox, socketPath, pciID }: Interface): Interface {
  const out: Interface = { name };
  if (mac) {
    out.mac = mac;
  }
  if (mtu) {
    out.mtu = mtu;
  }
  if (sandbox) {
    out.sandbox = sandbox;
  }
  if (socketPath) {
    out.socketPath = socketPath;
  }
  if (pciID) {
    out.pciID = pciID;
  }
  return out;
}

function cleanIp({ address, gateway, interface: index }: IpConfig): IpConfig {
  const out: IpConfig = { address: canonicalCidr(address) };
  if (gateway) {
    out.gateway = canonicalIp(gateway);
  }
  if (index !== undefined) {
    out.interface = index;
  }
  return out;
}
