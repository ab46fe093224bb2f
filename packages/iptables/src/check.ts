import { IptablesError } from './errors.ts';
import { BUILTIN_CHAINS, type JumpSpec, type TableSpec } from './model.ts';
import { checkKeys } from './rule-argv.ts';

/** XT_EXTENSION_MAXNAMELEN (29) minus the NUL. Both backends accept chain names of this length. */
const MAX_CHAIN_NAME = 28;

/** Names that a chain cannot have: verdicts of the kernel, and targets that would hide the chain. */
const RESERVED = new Set([
  'ACCEPT',
  'DROP',
  'QUEUE',
  'RETURN',
  'REJECT',
  'LOG',
  'MASQUERADE',
  'SNAT',
  'DNAT',
  'MARK',
]);

const TABLE_KEYS: readonly (keyof TableSpec)[] = ['table', 'chains', 'jumps'];
const JUMP_KEYS: readonly (keyof JumpSpec)[] = ['from', 'to', 'at', 'rule'];
const POSITIONS = ['first', 'last', 'before-default'];

function checkChainName(name: string, { table }: TableSpec, prefix: string | undefined): void {
  const refuse = (why: string): never => {
    throw new IptablesError('INVALID', `Chain name "${name}" ${why}`);
  };
  if (!/^[A-Za-z0-9_.][\w.:@+/-]*$/.test(name)) {
    refuse('may contain only letters, digits and _ . : @ + / -');
  }
  if (name.length > MAX_CHAIN_NAME) {
    refuse(`is longer than ${MAX_CHAIN_NAME} characters`);
  }
  if (RESERVED.has(name)) {
    refuse('is the name of a target');
  }
  if (Object.values(BUILTIN_CHAINS).some((names) => names.includes(name))) {
    refuse('is the name of a built-in chain, which cannot be declared');
  }
  if (prefix !== undefined && !name.startsWith(prefix)) {
    refuse(`in table ${table} must begin with the prefix "${prefix}"`);
  }
}

/**
 * Checks what does not depend on the host.
 *
 * @throws {IptablesError} `INVALID`
 */
export function checkTables(tables: readonly TableSpec[], prefix: string | undefined): void {
  if (prefix === '') {
    throw new IptablesError('INVALID', 'Invalid prefix "": it would own every chain');
  }
  if (!Array.isArray(tables)) {
    throw new IptablesError('INVALID', `Invalid tables ${JSON.stringify(tables)}: expected a list`);
  }
  const seen = new Set<string>();
  for (const spec of tables) {
    checkKeys('table', spec, TABLE_KEYS);
    if (!Object.hasOwn(BUILTIN_CHAINS, spec.table)) {
      throw new IptablesError('INVALID', `Unknown table "${spec.table}"`);
    }
    if (seen.has(spec.table)) {
      throw new IptablesError('INVALID', `Table ${spec.table} is declared twice`);
    }
    seen.add(spec.table);
    if (typeof spec.chains !== 'object' || spec.chains === null || Array.isArray(spec.chains)) {
      throw new IptablesError(
        'INVALID',
        `Table ${spec.table} needs chains: an object of lists of rules by name`,
      );
    }
    for (const [name, rules] of Object.entries(spec.chains)) {
      checkChainName(name, spec, prefix);
      if (!Array.isArray(rules)) {
        throw new IptablesError(
          'INVALID',
          `Rules of chain ${name}: expected a list, got ${JSON.stringify(rules)}`,
        );
      }
    }
    const targets = new Set<string>();
    for (const jump of spec.jumps ?? []) {
      checkKeys('jump', jump, JUMP_KEYS);
      const { from, to, at } = jump;
      if (typeof at === 'object') {
        checkKeys(`position of the jump from ${from} to ${to}`, at, ['before']);
      }
      if (typeof at === 'object' ? at.before === undefined : !POSITIONS.includes(at)) {
        throw new IptablesError(
          'INVALID',
          `Invalid position ${JSON.stringify(at)} of the jump from ${from} to ${to}: expected ${POSITIONS.join(', ')} or { before: rule }`,
        );
      }
      if (!Object.hasOwn(spec.chains, to)) {
        throw new IptablesError('INVALID', `Jump to chain ${to}, which table ${spec.table} does not declare`);
      }
      if (Object.hasOwn(spec.chains, from) || (prefix !== undefined && from.startsWith(prefix))) {
        throw new IptablesError(
          'INVALID',
          `Jump from owned chain ${from} to ${to}: declare it among the rules of ${from}`,
        );
      }
      if (targets.has(`${from} ${to}`)) {
        throw new IptablesError('INVALID', `Two jumps lead from ${from} to ${to} in table ${spec.table}`);
      }
      targets.add(`${from} ${to}`);
    }
  }
}
