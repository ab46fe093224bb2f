/** `node tools/schema-guards/src/cli.ts SCHEMAS_MODULE OUT.ts`, from the repository's root. */
import { writeFileSync } from 'node:fs';
import { generateFile } from './file.ts';

const [schemas, out] = process.argv.slice(2);
if (schemas === undefined || out === undefined) {
  console.error('Usage: node tools/schema-guards/src/cli.ts SCHEMAS_MODULE OUT.ts');
  process.exitCode = 2;
} else {
  writeFileSync(out, await generateFile(schemas, out));
}
