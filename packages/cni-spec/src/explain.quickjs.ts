import type { SchemaName } from './explain.ts';

/** Loads the script `explain`, which contains zod, on demand. */
export function explain(name: SchemaName, value: unknown): string {
  const host = globalThis as { __cnikit_load?: (script: string) => unknown };
  const loaded = host.__cnikit_load?.('explain');
  return typeof loaded === 'function'
    ? String(loaded(name, value))
    : 'it does not match the CNI specification';
}
