/**
 * A vite plugin: `import('x.ts?mutant=NAME')` imports x with that mutant in it or in any of our modules that
 * it imports.
 */
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';
import { mutants } from './mutants.ts';

const packages = fileURLToPath(new URL('../../../', import.meta.url));
const query = /\?mutant=([\w-]+)$/;
/** Only these files can have mutants; all imports share the others. */
const mutable = (file: string): boolean => /^(agent|watch)\/src\//.test(file.slice(packages.length));

export const mutantsPlugin: Plugin = {
  name: 'mutants',
  enforce: 'pre',
  async resolveId(source, importer) {
    const wanted = query.exec(importer ?? '');
    if (wanted === null || query.test(source)) {
      return undefined;
    }
    const resolved = await this.resolve(source, importer!.replace(query, ''), { skipSelf: true });
    return resolved !== null && mutable(resolved.id) ? `${resolved.id}${wanted[0]}` : resolved;
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
