import { IptablesError } from './errors.ts';
import { BUILTIN_CHAINS, type TableSpec } from './model.ts';

/** XT_EXTENSION_MAXNAMELEN (29) less the NUL: the longest chain name that both backends take. */
const MAX_CHAIN_NAME = 28;

/** Names a chain cannot have: verdicts of the kernel, and targets that would hide the chain. */
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

function checkChainName(name: string, { table }: TableSpec, prefix: string | undefined): void {
  const refuse = (why: string): never => {
    throw new IptablesError('INVALID', `Chain name "${name}" ${why}`);
  };
  if (!/^[A-Za-z0-9_.][\w.:@+/-]*$/.test(name)) {
    refuse('must be made of letters, digits and _ . : @ + / -');
  }
  if (name.length > MAX_CHAIN_NAME) {
    refuse(`is longer than ${MAX_CHAIN_NAME} characters`);
  }
  if (RESERVED.has(name)) {
    refuse('is a target');
  }
  if (Object.values(BUILTIN_CHAINS).some((names) => names.includes(name))) {
    refuse(`is built in; own chains only`);
  }
  if (prefix !== undefined && !name.startsWith(prefix)) {
    refuse(`in table ${table} must begin with the prefix "${prefix}"`);
  }
}

/** Throws `INVALID` when a declaration cannot be right whatever the host holds. */
export function checkTables(tables: readonly TableSpec[], prefix: string | undefined): void {
  if (prefix === '') {
    throw new IptablesError('INVALID', 'An empty prefix would own every chain');
  }
  const seen = new Set<string>();
  for (const spec of tables) {
    if (!Object.hasOwn(BUILTIN_CHAINS, spec.table)) {
      throw new IptablesError('INVALID', `There is no table "${spec.table}"`);
    }
    if (seen.has(spec.table)) {
      throw new IptablesError('INVALID', `Table ${spec.table} is declared twice`);
    }
    seen.add(spec.table);
    for (const name of Object.keys(spec.chains)) {
      checkChainName(name, spec, prefix);
    }
    const leads = new Set<string>();
    for (const { from, to } of spec.jumps ?? []) {
      if (!Object.hasOwn(spec.chains, to)) {
        throw new IptablesError(
          'INVALID',
          `A jump leads to chain ${to}, which table ${spec.table} does not declare`,
        );
      }
      if (Object.hasOwn(spec.chains, from) || (prefix !== undefined && from.startsWith(prefix))) {
        throw new IptablesError(
          'INVALID',
          `The jump from own chain ${from} to ${to} belongs among its rules`,
        );
      }
      if (leads.has(`${from} ${to}`)) {
        throw new IptablesError('INVALID', `Two jumps lead from ${from} to ${to} in table ${spec.table}`);
      }
      leads.add(`${from} ${to}`);
    }
  }
}
