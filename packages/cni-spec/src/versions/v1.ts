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

/** Returns the result with only the keys of these versions and canonical addresses. Drops empty parts. */
export function clean1({ interfaces, ips, routes, dns }: Result, cniVersion: Version): Stamped<Result> {
  const out: Stamped<Result> = { cniVersion };
  if (interfaces?.length) {
    out.interfaces = interfaces.map(cleanInterface);
  }
  if (ips?.length) {
    out.ips = ips.map(cleanIp);
  }
  if (routes?.length) {
    out.routes = routes.map(cleanRoute);
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
