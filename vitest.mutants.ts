/**
 * A vite plugin for tests of tests: `import('x.ts?mutant=NAME')` imports x with that mutant in it or in any module of
 * the project that it imports.
 */
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';

/** A text that a source file has exactly once, and what replaces it. */
export interface SourceMutant {
  /** Below packages/. */
  file: string;
  from: string;
  to: string;
}

const packages = fileURLToPath(new URL('packages/', import.meta.url));
const query = /\?mutant=([\w-]+)$/;

/**
 * Makes the plugin.
 *
 * @param folders the folders below packages/ whose files can have mutants; all imports share the other files
 */
export function mutantsPlugin(
  mutants: Readonly<Record<string, SourceMutant>>,
  folders: readonly string[],
): Plugin {
  const isMutable = (file: string) => folders.some((folder) => file.startsWith(`${packages}${folder}/`));
  return {
    name: 'mutants',
    enforce: 'pre',
    async resolveId(source, importer) {
      const wanted = query.exec(importer ?? '');
      if (wanted === null || query.test(source)) {
        return undefined;
      }
      const resolved = await this.resolve(source, importer!.replace(query, ''), { skipSelf: true });
      return resolved !== null && isMutable(resolved.id) ? `${resolved.id}${wanted[0]}` : resolved;
    },
    transform(code, id) {
      const wanted = query.exec(id);
      const mutant = wanted === null ? undefined : mutants[wanted[1]!];
      if (mutant === undefined || id.replace(query, '') !== packages + mutant.file) {
        return undefined;
      }
      if (code.split(mutant.from).length !== 2) {
        throw new Error(
          `Mutant ${wanted![1]}: ${mutant.file} does not have, once, ${JSON.stringify(mutant.from)}`,
        );
      }
      return code.replace(mutant.from, () => mutant.to);
    },
  };
}
