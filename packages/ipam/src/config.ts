import { formatAddress, formatSubnet, parseAddress, parseSubnet } from './address.ts';
import { assertKnownArgs } from './cni-args.ts';
import { IpamError } from './errors.ts';
import {
  booleanAt,
  type Fields,
  fieldsOf,
  isObject,
  type KeyTable,
  listAt,
  misconfigured,
  numberAt,
  objectAt,
  objectOf,
  optionalAt,
  stringAt,
  typeName,
} from './fields.ts';
import { parseRangeSets, type RangeConfig, type RangeSet } from './range.ts';

/** The folder of host-local's reservations when the configuration has no `dataDir`. */
export const REFERENCE_DATA_DIR = '/var/lib/cni/networks';

/** Directory for reservations that a reboot clears together with their pods. */
export const VOLATILE_DATA_DIR = '/run/cnikit/ipam';

/** A route for the result. */
export interface IpamRoute {
  /** CIDR. */
  dst: string;
  /** Address of the next hop. */
  gw?: string;
  mtu?: number;
  advmss?: number;
  priority?: number;
  table?: number;
  scope?: number;
}

/** The validated `ipam` section. */
export interface IpamConfig {
  rangeSets: RangeSet[];
  /** Requested addresses in canonical text: of CNI_ARGS, then args.cni.ips, then runtimeConfig.ips. */
  requested: string[];
  routes: IpamRoute[];
  /** Parent of the networks' directories, if configured. */
  dataDir?: string | undefined;
  /** A resolv.conf(5) file for the result's `dns`; see `parseResolvConf`. */
  resolvConf?: string | undefined;
  /**
   * Makes STATUS fail with code 50 when a range has no free address, as the specification asks. Runtimes then report the
   * node as NotReady, and Kubernetes evicts its running pods.
   *
   * @default false
   */
  failStatusWhenFull: boolean;
}

/** Options of {@link parseIpamConfig}. */
export interface ParseOptions {
  /**
   * CNI_ARGS as `splitCniArgs()` returns it.
   *
   * @default none
   */
  args?: Readonly<Record<string, string | undefined>> | undefined;
  /** Further keys of CNI_ARGS to accept, such as ['MAC'] for a plugin that reads it itself. */
  knownArgs?: readonly string[];
}

const ROUTE_NUMBERS = ['mtu', 'advmss', 'priority', 'table', 'scope'] as const;

const RANGE_KEYS = { subnet: null, rangeStart: null, rangeEnd: null, gateway: null };

/** Every key that `parseIpamConfig()` reads. */
const KEYS: KeyTable = {
  cniVersion: null,
  ipam: {
    ...RANGE_KEYS,
    ranges: RANGE_KEYS,
    routes: { dst: null, gw: null, mtu: null, advmss: null, priority: null, table: null, scope: null },
    dataDir: null,
    resolvConf: null,
    failStatusWhenFull: null,
  },
  args: { cni: { ips: null } },
  runtimeConfig: { ipRanges: RANGE_KEYS, ips: null },
};

const DATA_DIR_KEYS: KeyTable = { ipam: { dataDir: null } };

function isText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

/** Checks the types. parseRangeSets() refuses a missing subnet, and names the set. */
function isRangeConfig(value: unknown): value is RangeConfig {
  return (
    isObject(value) &&
    isText(value.subnet) &&
    isText(value.rangeStart) &&
    isText(value.rangeEnd) &&
    isText(value.gateway)
  );
}

/** Throws the error of a value that is not a RangeConfig. */
function refuseRange(value: unknown, path: string): never {
  const fields = objectOf(value, path);
  const key = Object.keys(RANGE_KEYS).find((one) => !isText(fields[one]));
  return misconfigured(`${path}.${key} must be a string, not ${typeName(fields[key!])}`);
}

/** Adds the range sets at a key to `into`. */
function addRangeSets(into: RangeConfig[][], fields: Fields, key: string, path: string): void {
  const sets = listAt(fields, key, path);
  for (let i = 0; i < sets.length; i++) {
    const set = sets[i];
    if (!Array.isArray(set)) {
      misconfigured(`${path}${key}[${i}] must be an array of ranges`);
    }
    for (let j = 0; j < set.length; j++) {
      if (!isRangeConfig(set[j])) {
        refuseRange(set[j], `${path}${key}[${i}][${j}]`);
      }
    }
    into.push(set);
  }
}

/** Returns the canonical text of an address, without prefix length. */
function requestedAddress(text: unknown): string {
  const whole = String(text);
  if (whole.includes('/')) {
    const subnet = parseSubnet(whole);
    if (typeof subnet === 'object') {
      return formatAddress(subnet.address);
    }
  } else {
    const address = parseAddress(whole);
    if (address) {
      return formatAddress(address);
    }
  }
  return misconfigured(`invalid IP address ${whole}`);
}

function requestedAddresses(conf: Fields, runtime: Fields | undefined, args: ParseOptions['args']): string[] {
  const requested: string[] = [];
  // The usual case.
  if (args === undefined && runtime === undefined && conf.args === undefined) {
    return requested;
  }
  if (args?.IP) {
    try {
      requested.push(requestedAddress(args.IP));
    } catch (error) {
      const pair = JSON.stringify(`IP=${args.IP}`);
      throw new IpamError('ARGS', `ARGS: error parsing value of pair ${pair}: ${(error as Error).message}`);
    }
  }
  // The convention makes args optional data, so unknown content is not an error.
  const ofArgs = listAt(optionalAt(optionalAt(conf, 'args'), 'cni'), 'ips', 'args.cni.');
  const ofRuntime = listAt(runtime, 'ips', 'runtimeConfig.');
  if (ofArgs.length + ofRuntime.length > 0) {
    requested.push(...ofArgs.map(requestedAddress), ...ofRuntime.map(requestedAddress));
  }
  return requested;
}

function parseRoute(value: unknown, index: number): IpamRoute {
  const path = `ipam.routes[${index}]`;
  const fields = objectOf(value, path);
  const dst = stringAt(fields, 'dst', `${path}.`) ?? '';
  const subnet = parseSubnet(dst);
  if (typeof subnet !== 'object') {
    return misconfigured(`invalid CIDR address: ${dst}`);
  }
  const route: IpamRoute = { dst: formatSubnet(subnet) };
  const gw = stringAt(fields, 'gw', `${path}.`);
  if (gw) {
    route.gw = formatAddress(parseAddress(gw) ?? misconfigured(`invalid IP address: ${gw}`));
  }
  for (const key of ROUTE_NUMBERS) {
    const number = numberAt(fields, key, `${path}.`);
    // For the others 0 means none.
    if (number || (number === 0 && (key === 'table' || key === 'scope'))) {
      route[key] = number;
    }
  }
  return route;
}

const IP = ['IP'];

/** Refuses what a result before 0.3.0 cannot hold: two addresses of one family. */
function assertVersionHolds(sets: readonly RangeSet[], version: string): void {
  if (sets.length < 2) {
    return;
  }
  const v4 = sets.filter((set) => set[0]!.start.length === 1).length;
  if (v4 < 2 && sets.length - v4 < 2) {
    return;
  }
  const [major, minor] = (version || '0.1.0').split('.').map(Number) as [number, number];
  if (major === 0 && minor < 3) {
    misconfigured(`CNI version ${version} does not support more than 1 address per family`);
  }
}

/**
 * Parses a network configuration (the object with the key `ipam`) as host-local does: the ranges are
 * runtimeConfig.ipRanges, then the old form `ipam.subnet`, then `ipam.ranges`, and keys match in any case.
 *
 * @throws {IpamError} `CONFIG` or `ARGS`, with host-local's message where it has one
 */
export function parseIpamConfig(networkConfig: unknown, { args, knownArgs }: ParseOptions = {}): IpamConfig {
  const { conf, ipam } = sectionsOf(networkConfig, KEYS);
  if (args !== undefined) {
    assertKnownArgs(args, knownArgs === undefined ? IP : ['IP', ...knownArgs]);
  }
  const runtime = objectAt(conf, 'runtimeConfig', '');
  const requested = requestedAddresses(conf, runtime, args);

  const configs: RangeConfig[][] = [];
  if (runtime !== undefined) {
    addRangeSets(configs, runtime, 'ipRanges', 'runtimeConfig.');
  }
  if (ipam.subnet !== undefined) {
    configs.push([isRangeConfig(ipam) ? ipam : refuseRange(ipam, 'ipam')]);
  }
  addRangeSets(configs, ipam, 'ranges', 'ipam.');
  const rangeSets = parseRangeSets(configs);
  assertVersionHolds(rangeSets, stringAt(conf, 'cniVersion', '') ?? '');

  const resolvConf = stringAt(ipam, 'resolvConf', 'ipam.');
  return {
    rangeSets,
    requested,
    routes: listAt(ipam, 'routes', 'ipam.').map(parseRoute),
    dataDir: dataDirOf(ipam),
    resolvConf: resolvConf || undefined,
    failStatusWhenFull: booleanAt(ipam, 'failStatusWhenFull', 'ipam.') ?? false,
  };
}

/**
 * Returns `ipam.dataDir`, all that freeing addresses needs. Other fields may have become invalid since ADD.
 *
 * @throws {IpamError} `CONFIG` when it is not a string, or `ipam` is missing
 */
export function parseDataDir(networkConfig: unknown): string | undefined {
  return dataDirOf(sectionsOf(networkConfig, DATA_DIR_KEYS).ipam);
}

function sectionsOf(networkConfig: unknown, keys: KeyTable): { conf: Fields; ipam: Fields } {
  const conf = fieldsOf(networkConfig, 'The network configuration', keys);
  return { conf, ipam: objectAt(conf, 'ipam', '') ?? misconfigured("IPAM config missing 'ipam' key") };
}

function dataDirOf(ipam: Fields): string | undefined {
  return stringAt(ipam, 'dataDir', 'ipam.') || undefined;
}
