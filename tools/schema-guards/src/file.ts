import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { generateGuards } from './generate.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/**
 * The text of the guards file for a schemas module.
 *
 * `checks.ts` lies beside the guards file, and so does `keys.ts` with the type `KeyTable`; a package without
 * a `keys.ts` takes that from `@cnikit/cni-spec`.
 *
 * @param schemas path of the schemas module
 * @param out path the text is meant for
 */
export async function generateFile(schemas: string, out: string): Promise<string> {
  const folder = dirname(resolve(out));
  const checks = join(folder, 'checks.ts');
  const load = async (path: string): Promise<Record<string, unknown>> =>
    import(pathToFileURL(resolve(path)).href);
  const from = (path: string): string => `./${relative(folder, resolve(path))}`;
  return generateGuards({
    schemas: await load(schemas),
    checks: existsSync(checks) ? await load(checks) : {},
    imports: {
      schemas: from(schemas),
      checks: './checks.ts',
      keys: existsSync(join(folder, 'keys.ts')) ? './keys.ts' : '@cnikit/cni-spec',
    },
    command: `node tools/schema-guards/src/cli.ts ${relative(ROOT, resolve(schemas))} ${relative(ROOT, resolve(out))}`,
  });
}
