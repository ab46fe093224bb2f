/** Checks of arguments that TypeScript makes needless, for plain JavaScript: a wrong one could get a wrong answer. */
import { type Family, families, parsePrefix } from '@cnikit/ip';
import type { Pod } from './api.ts';
import { ArgumentError } from './errors.ts';
import { MAX_PORT } from './spec-checks.ts';

const PROTOCOLS: readonly unknown[] = ['TCP', 'UDP', 'SCTP', 'ICMP'];

/** @throws {ArgumentError} unless the value is one of the accepted texts */
export function checkChoice(name: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value)) {
    const upper = typeof value === 'string' && choices.find((one) => one === value.toUpperCase());
    throw new ArgumentError(
      name,
      value,
      upper ? `write '${upper}'` : `expected one of ${choices.filter(Boolean).join(', ')}`,
    );
  }
}

/** @throws {ArgumentError} unless the port is a number or absent, and the protocol is one of those */
export function checkService(
  protocol: unknown,
  port: unknown,
  protocols: readonly unknown[] = PROTOCOLS,
): void {
  checkChoice('protocol', protocol, protocols);
  if (port !== undefined && !(Number.isInteger(port) && Number(port) >= 0 && Number(port) <= MAX_PORT)) {
    throw new ArgumentError('port', port, `expected an integer of 0 to ${MAX_PORT}, or no port`);
  }
}

/** @throws {ArgumentError} unless the value is a family or absent */
export function checkFamily(family: Family | undefined): void {
  checkChoice('family', family, [undefined, ...families]);
}

/** @throws {ArgumentError} unless the value is a cluster */
export function checkCluster(cluster: unknown): void {
  const groups = ['pods', 'namespaces', 'nodes', 'policies'] as const;
  if (!groups.every((group) => isObject(cluster) && Array.isArray(cluster[group]))) {
    throw new ArgumentError('cluster', cluster, 'expected what readCluster() returns');
  }
}

/** @throws {ArgumentError} unless the value is a pod, or a text that can name one */
export function checkEnd(end: Pod | string): void {
  if (typeof end !== 'string' && !(end?.kind === 'Pod' && isObject(end.metadata) && isObject(end.spec))) {
    throw new ArgumentError('endpoint', end, 'expected namespace/name of a pod, an IP address, or a Pod');
  }
}

/** @throws {ArgumentError} unless the value is a text with at least one character */
export function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') {
    throw new ArgumentError(name, value, 'expected a text');
  }
}

/** @throws {ArgumentError} unless the value is a list; a text is none */
export function checkList(name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new ArgumentError(name, value, 'expected a list');
  }
}

/** @throws {ArgumentError} unless the value is a list of prefixes */
export function checkPrefixes(name: string, value: unknown): void {
  checkList(name, value);
  for (const text of value as unknown[]) {
    if (typeof text !== 'string' || !text.includes('/') || parsePrefix(text) === undefined) {
      throw new ArgumentError(name, text, 'expected prefixes such as 10.244.1.0/24');
    }
  }
}

/** @throws {ArgumentError} when the value is no object, or has a key that is not known */
export function checkKeys(name: string, value: unknown, known: readonly string[]): void {
  if (!isObject(value)) {
    throw new ArgumentError(name, value, `expected an object with ${known.join(', ')}`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key) && value[key] !== undefined);
  if (unknown !== undefined) {
    throw new ArgumentError(`${name}.${unknown}`, value[unknown], `expected one of ${known.join(', ')}`);
  }
}

/** @throws {ArgumentError} unless the value is iterable; a text is not meant */
export function checkObjects(value: unknown): void {
  checkNoList(value);
  if (typeof (value as Iterable<unknown>)?.[Symbol.iterator] !== 'function' || typeof value === 'string') {
    throw new ArgumentError('objects', value, 'expected a list of objects; parseManifests() reads text');
  }
}

/** @throws {ArgumentError} when the value is a list of the API: its items would be ignored */
export function checkNoList(value: unknown): void {
  if (isObject(value) && Array.isArray(value.items)) {
    throw new ArgumentError('objects', value, 'expected its items; expandManifests() unfolds lists');
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
