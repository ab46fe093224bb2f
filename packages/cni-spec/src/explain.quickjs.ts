import type { SchemaName } from './explain.ts';

/** Under QuickJS zod lies in a script of its own, `explain`, which the executable loads on demand. */
export function explain(name: SchemaName, value: unknown): string {
  const host = globalThis as { __cnikit_load?: (script: string) => unknown };
  const loaded = host.__cnikit_load?.('explain');
  return typeof loaded === 'function'
    ? String(loaded(name, value))
    : 'it does not have the shape the CNI specification asks for';
}
