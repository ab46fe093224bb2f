import type { explain as explainWithZod, SchemaName } from './explain.ts';

/** Loads the script `explain`, which contains zod, on demand. */
export function explain(name: SchemaName, value: unknown): string {
  const host = globalThis as {
    __cnikit_load?: (script: string) => { explain: typeof explainWithZod };
  };
  return host.__cnikit_load?.('explain').explain(name, value) ?? 'it does not match the CNI specification';
}
