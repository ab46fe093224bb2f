/** The requests of the plugin, one JSON object a line. Pure. */
import { formatAddress, parseAddress } from '@cnikit/ip';
import { type Attachment, parseAttachment, parseIdentity, shown } from '../core/pod-fields.ts';
import type { LocalPod } from '../policy/local-pods.ts';

/** An interface of a pod, with its addresses in canonical form. */
export interface Claim extends LocalPod, Attachment {}

export type Request =
  | { op: 'add'; claim: Claim }
  | { op: 'del'; attachment: Attachment }
  | { op: 'gc'; keep: readonly Attachment[] };

const MAX_ADDRESSES = 16;

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

function canonicalAddress(value: unknown): string {
  const bytes = typeof value === 'string' ? parseAddress(value) : undefined;
  if (bytes === undefined) {
    throw new Error(`Invalid address ${shown(value)}: expected an IP address without prefix length`);
  }
  return formatAddress(bytes);
}
