/** The runtime's records of attachments: libcni writes one file for each after ADD, and removes it after DEL. */
import { ignoreErrno, type Sys } from '@cnikit/sys';
import { decodeBase64 } from './base64.ts';

/** Folder of libcni, with its records in `results`. */
const CACHE_DIR = '/var/lib/cni';
/** Maximum size of a record: it contains a network configuration and a pod's annotations. */
const MAX_BYTES = 8 * 1024 * 1024;

/** An attachment whose ADD has succeeded. */
export interface CachedAttachment {
  network: string;
  containerID: string;
  ifName: string;
  netns: string;
  /** CNI_ARGS. */
  args: string;
  /** The plugins that ADD ran, each with the configuration that it received, the final result as prevResult included. */
  plugins: { type: string; configuration: string }[];
  /** The interface's addresses, without prefix length. */
  addresses: string[];
  /** Links of the node that the result names. */
  hostLinks: { name: string; mac?: string | undefined }[];
}

/** A record with the time of its ADD, in milliseconds since 1970. */
export interface WrittenAttachment extends CachedAttachment {
  writtenMs: number;
}

/** Returns the readable records, the newest first. Files of other kinds are ignored. */
export function cachedAttachments(sys: Sys, cacheDir = CACHE_DIR): WrittenAttachment[] {
  const dir = `${cacheDir}/results`;
  const names = ignoreErrno(['ENOENT', 'ENOTDIR'], () => sys.readdir(dir)) ?? [];
  return names
    .flatMap((name) => {
      const path = `${dir}/${name}`;
      const attachment = read(sys, path);
      const writtenMs = sys.statIfExists(path)?.mtimeMs ?? 0;
      return attachment === undefined ? [] : [{ ...attachment, writtenMs }];
    })
    .sort((a, b) => b.writtenMs - a.writtenMs);
}

function read(sys: Sys, path: string): CachedAttachment | undefined {
  try {
    // DEL may remove the file at any time.
    const text = ignoreErrno(['ENOENT', 'EISDIR'], () => sys.readText(path, MAX_BYTES));
    return text === undefined ? undefined : parseRecord(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof URIError) {
      return undefined;
    }
    throw error;
  }
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/** Reads a record of libcni; undefined when it is of another form, such as those of libcni before 0.8. Pure. */
export function parseRecord(record: unknown): CachedAttachment | undefined {
  if (!isObject(record) || record.kind !== 'cniCacheV1' || !isObject(record.result)) {
    return undefined;
  }
  const { networkName, containerId, ifName, config, result } = record;
  if (![networkName, containerId, ifName, config].every((field) => typeof field === 'string')) {
    return undefined;
  }
  const list: unknown = JSON.parse(decodeBase64(config as string));
  if (!isObject(list)) {
    return undefined;
  }
  const all = Array.isArray(list.plugins) ? list.plugins : [list];
  const interfaces = (Array.isArray(result.interfaces) ? result.interfaces : []).filter(isObject);
  const inPod = interfaces.find(({ sandbox }) => typeof sandbox === 'string' && sandbox !== '');
  return {
    network: networkName as string,
    containerID: containerId as string,
    ifName: ifName as string,
    // Versions of libcni before 1.3 do not record it.
    netns: String(record.netns ?? inPod?.sandbox ?? ''),
    args: argsOf(record.cniArgs),
    plugins: all.filter(isObject).map((plugin) => ({
      type: String(plugin.type),
      configuration: JSON.stringify({
        ...plugin,
        name: list.name ?? networkName,
        // The version that the runtime chose is that of the result.
        cniVersion: checkable(String(result.cniVersion ?? list.cniVersion)),
        runtimeConfig: runtimeConfig(plugin.capabilities, record.capabilityArgs),
        prevResult: result,
      }),
    })),
    addresses: addressesOf(result, ifName as string),
    hostLinks: interfaces
      .filter(({ sandbox }) => sandbox === undefined || sandbox === '')
      .map(({ name, mac }) => ({ name: String(name), mac: typeof mac === 'string' ? mac : undefined })),
  };
}

/** Returns the addresses of the pod's interface in a result, which before CNI 0.3.0 has one of each family. */
function addressesOf(result: Json, ifName: string): string[] {
  const interfaces = Array.isArray(result.interfaces) ? result.interfaces : [];
  const ips = Array.isArray(result.ips) ? result.ips.filter(isObject) : [];
  const own = ips
    .filter(({ interface: index }) => typeof index !== 'number' || interfaces[index]?.name === ifName)
    .map(({ address }) => address);
  const old = [result.ip4, result.ip6].filter(isObject).map(({ ip }) => ip);
  return [...own, ...old].flatMap((one) => (typeof one === 'string' ? [one.split('/', 1)[0] ?? ''] : []));
}

/** Returns the arguments of the capabilities that a plugin has, as libcni passes them. */
function runtimeConfig(capabilities: unknown, args: unknown): Json {
  const named = isObject(capabilities) ? capabilities : {};
  const given = isObject(args) ? args : {};
  return Object.fromEntries(Object.entries(given).filter(([name]) => named[name] === true));
}

function argsOf(pairs: unknown): string {
  return (Array.isArray(pairs) ? pairs : [])
    .filter(Array.isArray)
    .map(([key, value]) => `${key}=${value}`)
    .join(';');
}

/** CHECK exists since 0.4.0, which has the result format of 0.3.0 and 0.3.1. */
function checkable(version: string): string {
  return version.startsWith('0.3.') ? '0.4.0' : version;
}
