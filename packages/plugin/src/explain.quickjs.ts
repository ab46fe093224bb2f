import type { Explained } from './explain.ts';

/** In the static executable zod lies in a script of its own, which is loaded when something has failed. */
export function explain(name: Explained, value: unknown): string {
  const host = globalThis as { __cnikit_load?: (script: string) => unknown };
  const loaded = host.__cnikit_load?.('explain');
  return typeof loaded === 'function' ? String(loaded(name, value)) : 'it does not have the expected shape';
}
