/** The requests of the plugin, one JSON object a line. Pure. */
import { formatAddress, parseAddress } from '@cnikit/ip';
import type { LocalPod } from '../policy/local-pods.ts';

/** One interface of a container. */
export interface Attachment {
  containerId: string;
  ifName: string;
}

/** An interface of a pod, with its addresses in canonical form. */
export interface Claim extends LocalPod, Attachment {}

export type Request =
  | { op: 'add'; claim: Claim }
  | { op: 'del'; attachment: Attachment }
  | { op: 'gc'; keep: readonly Attachment[] };

const MAX_ADDRESSES = 16;
/** Forms of the fields. Those of a pod are limited by the API, those of a container by libcni. */
const FORMS = {
  namespace: /^[a-z0-9][a-z0-9-]{0,62}$/,
  name: /^[a-z0-9][a-z0-9.-]{0,252}$/,
  uid: /^[!-~]{1,128}$/,
  containerId: /^[A-Za-z0-9][\w.-]{0,1023}$/,
  ifName: /^[^\s/:]{1,15}$/,
} as const;
/** Longest part of a value that an error repeats. */
const MAX_SHOWN = 100;

/**
 * Parses a line. Unknown fields are ignored.
 *
 * @param network name of the only network whose pods have policies
 * @throws {Error} that names the field, its value and what is expected
 */
export function parseRequest(line: string, network: string): Request {
  const fields = parseObject(line);
  const { op, keep } = fields;
  if (fields.network !== network) {
    throw new Error(
      `Policies are not enforced in network ${shown(fields.network)}, only in ${shown(network)}`,
    );
  }
  switch (op) {
    case 'add':
      return { op, claim: parseClaim(fields) };
    case 'del':
      return { op, attachment: parseAttachment(fields) };
    case 'gc':
      if (!Array.isArray(keep)) {
        throw new Error(`Invalid keep ${shown(keep)}: expected a list`);
      }
      return { op, keep: keep.map((one) => parseAttachment(asObject(one))) };
    default:
      throw new Error(`Unknown op ${shown(op)}: expected add, del or gc`);
  }
}

/**
 * Checks a claim of the plugin or of a file.
 *
 * @throws {Error} that names the field, its value and what is expected
 */
export function parseClaim(value: unknown): Claim {
  const fields = asObject(value);
  const { addresses } = fields;
  if (!Array.isArray(addresses) || addresses.length === 0 || addresses.length > MAX_ADDRESSES) {
    throw new Error(`Invalid addresses ${shown(addresses)}: expected a list of 1 to ${MAX_ADDRESSES}`);
  }
  return {
    ...parseIdentity(fields),
    ...parseAttachment(fields),
    addresses: addresses.map(canonicalAddress),
  };
}

/**
 * Checks the name of a pod.
 *
 * @throws {Error} that names the field, its value and what is expected
 */
export function parseIdentity(
  fields: Readonly<Record<string, unknown>>,
): Pick<LocalPod, 'namespace' | 'name' | 'uid'> {
  return {
    namespace: field(fields, 'namespace'),
    name: field(fields, 'name'),
    uid: fields.uid === undefined ? undefined : field(fields, 'uid'),
  };
}

function parseAttachment(fields: Readonly<Record<string, unknown>>): Attachment {
  return { containerId: field(fields, 'containerId'), ifName: field(fields, 'ifName') };
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`Invalid line ${shown(line)}: expected one JSON object a line`);
  }
  return asObject(value);
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`Invalid value ${shown(value)}: expected a JSON object`);
  }
  return value as Record<string, unknown>;
}

function field(fields: Readonly<Record<string, unknown>>, name: keyof typeof FORMS): string {
  const value = fields[name];
  if (typeof value === 'string' && FORMS[name].test(value)) {
    return value;
  }
  throw new Error(`Invalid ${name} ${shown(value)}: expected ${FORMS[name].source}`);
}

function canonicalAddress(value: unknown): string {
  const bytes = typeof value === 'string' ? parseAddress(value) : undefined;
  if (bytes === undefined) {
    throw new Error(`Invalid address ${shown(value)}: expected an IP address without prefix length`);
  }
  return formatAddress(bytes);
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, MAX_SHOWN);
