/**
 * Type guards that need no zod, generated from zod/mini schemas.
 *
 * ```ts
 * import { generateFile } from '@cnikit/schema-guards';
 *
 * const text = await generateFile('src/schemas.ts', 'src/guards.ts');
 * ```
 */
export { generateFile } from './file.ts';
export { type GenerateOptions, generateGuards } from './generate.ts';
