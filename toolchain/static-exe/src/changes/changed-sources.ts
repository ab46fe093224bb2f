/**
 * Changes to the engine's sources before compilation. One changes the language: JSON.parse() refuses the numbers and escapes
 * that only JavaScript has, as ECMAScript requires.
 *
 * - references.ts: objects of the snapshot are immortal
 * - objects.ts, literals.ts, properties.ts, builtins.ts: what scripts do most has shorter ways for the usual case
 * - joined.ts: instructions that often follow each other are one
 * - compiler.ts: the compiler drops needless checks of variables and shortens code
 * - host.ts: work that is needless with this host
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILTIN_CHANGES } from './builtins.ts';
import type { Change } from './change.ts';
import { COMPILER_CHANGES } from './compiler.ts';
import { HOST_CHANGES } from './host.ts';
import { JOINED_CHANGES } from './joined.ts';
import { LITERAL_CHANGES } from './literals.ts';
import { OBJECT_CHANGES } from './objects.ts';
import { PROPERTY_CHANGES } from './properties.ts';
import { REFERENCE_CHANGES, REFERENCE_DEFINITIONS } from './references.ts';

const CHANGES: readonly Change[] = [
  ...REFERENCE_CHANGES,
  ...PROPERTY_CHANGES,
  ...LITERAL_CHANGES,
  ...OBJECT_CHANGES,
  ...COMPILER_CHANGES,
  ...HOST_CHANGES,
  ...BUILTIN_CHANGES,
  ...JOINED_CHANGES,
];

/** C files that need the internals of quickjs.c, so they are appended to that file, in this order. */
const TAIL = [
  'engine/snapshot.c',
  'engine/references.c',
  'engine/drop-checks.c',
  'engine/shorten.c',
  'engine/objects.c',
  'engine/literals.c',
  'engine/joined.c',
  'engine/plain-json.c',
  'engine/builtins.c',
  'engine/properties.c',
  'native/arguments.c',
  'native/messages.c',
  'native/nf-attributes.c',
  'native/text.c',
  'native/mac.c',
  'native/addresses.c',
  'native/words.c',
  'native/digest.c',
  'native/identifiers.c',
  'native/keys.c',
  'native/templates.c',
  'native/native.c',
].map((name) => join(import.meta.dirname, '../../host', name));

/**
 * Returns the text of each changed file.
 *
 * @param original returns the original text of a file
 * @param more further changes and a further end of quickjs.c
 * @throws {Error} when a pattern does not match as often as expected
 */
export function changedSources(
  original: (file: string) => string,
  more?: { changes: readonly Change[]; tail: () => string },
): Map<string, string> {
  const changed = new Map<string, string>();
  for (const { file = 'quickjs.c', pattern, by, times = 1 } of [...CHANGES, ...(more?.changes ?? [])]) {
    const text = changed.get(file) ?? original(file);
    const found = text.match(pattern)?.length ?? 0;
    if (found !== times) {
      throw new Error(
        `QuickJS's ${file} matches ${pattern} ${found} times, expected ${times}. Adapt src/changes`,
      );
    }
    changed.set(file, text.replace(pattern, by));
  }
  changed.set('quickjs.h', REFERENCE_DEFINITIONS + changed.get('quickjs.h'));
  const tail = TAIL.map((path) => readFileSync(path, 'utf8'));
  changed.set('quickjs.c', [changed.get('quickjs.c') + tail.join('\n'), more?.tail() ?? ''].join('\n'));
  return changed;
}

/** Returns the files that decide what {@link changedSources} returns, besides the original sources. */
export function changingFiles(): string[] {
  const changes = readdirSync(import.meta.dirname).map((name) => join(import.meta.dirname, name));
  return [...changes.sort(), ...TAIL];
}
