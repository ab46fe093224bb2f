/**
 * Changes to the engine's sources before compilation. One changes the language: JSON.parse() refuses the numbers and escapes
 * that only JavaScript has, as ECMAScript requires.
 *
 * **Objects can be immortal.** A start finds its objects in the snapshot, a copy-on-write mapping of the file.
 * Counting a reference to such an object writes to its page, and the first write to a page costs a fault and a copy,
 * about 2 µs. Without this change an ADD writes to 138 of 203 pages, mostly to count references. So objects in the
 * snapshot get a count that is out of reach, and their references are no longer counted. Objects that a start makes
 * are counted and freed as usual. A cycle that runs through the snapshot is never freed. References of values are
 * recognised by their address, so that an object of the snapshot is not even read (host/frozen.c).
 *
 * **A new property of a plain object is added, not defined.** Object literals and closures make nearly all properties
 * of a start, through the path that serves every kind of object and descriptor: a tenth of an ADD's instructions.
 *
 * **Properties and some built-in functions have a shorter way for the usual case**, such as JSON.stringify() of plain
 * data: builtin-changes.ts.
 *
 * **What scripts do most has shorter ways**: making functions and arrays, making and copying objects, joining
 * strings, iterating over arrays (src/fast-changes.ts).
 *
 * **The compiler drops needless checks of `let` and `const`.** It checks each access, in case that the variable is not
 * initialised yet, and then misses its own optimisations, such as one instruction for `i++`. host/drop-checks.c proves
 * by data flow which accesses cannot fail. The others keep their checks. Then host/shorten.c shortens the code.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILTIN_CHANGES, builtinChangesFile } from './builtin-changes.ts';
import type { Change } from './change.ts';
import { FAST_CHANGES, fastChangesFile } from './fast-changes.ts';
import { JOINED_CHANGES, joinedChangesFile } from './joined-changes.ts';

const DEFINITIONS = `#include <stdint.h>
#define IMMORTAL (1 << 28)
#define COUNT(n) ((n) < IMMORTAL ? (void)(n)++ : (void)0)
#define UNCOUNT(n) ((n) < IMMORTAL ? --(n) : IMMORTAL)
extern struct JS_Frozen {
    uintptr_t end;
    int uncounted;
    int32_t atoms;
} JS_frozen;
#define IS_FROZEN(p) ((uintptr_t)(p) <= JS_frozen.end)
`;

/** Inserted at the start of JS_DefinePropertyValue(), which owns `val`. */
const ADD_PROPERTY = `
    if (JS_VALUE_GET_TAG(this_obj) == JS_TAG_OBJECT) {
        JSObject *p = JS_VALUE_GET_OBJ(this_obj);
        JSProperty *pr;
        if (!p->is_exotic && p->extensible && !find_own_property(&pr, p, prop)) {
            pr = add_property(ctx, p, prop, flags & JS_PROP_C_W_E);
            if (pr) pr->u.value = val;
            else JS_FreeValue(ctx, val);
            return pr ? TRUE : -1;
        }
    }
`;

const CHANGES: readonly Change[] = [
  // JS_DupValue(), JS_FreeValue() and their siblings.
  {
    file: 'quickjs.h',
    pattern: /(?<= {4}if \(JS_VALUE_HAS_REF_COUNT\(v\))(?=\) \{)/g,
    by: ' && !IS_FROZEN(JS_VALUE_GET_PTR(v))',
    times: 4,
  },
  {
    file: 'quickjs.c',
    pattern: /(?<= {4}if \()(?=--str->header\.ref_count <= 0\))/g,
    by: '!IS_FROZEN(str) && ',
    times: 1,
  },
  {
    file: 'quickjs.c',
    pattern: /(?<= {8}if \()(?=p1->header\.ref_count != 1\))/g,
    by: 'IS_FROZEN(p1) || ',
    times: 1,
  },
  {
    file: 'quickjs.c',
    pattern: /(?<= {12}if \(__JS_AtomIsConst\(i\))(?=\)\n {16}str->header\.ref_count--;)/g,
    by: ' && !IS_FROZEN(str)',
    times: 1,
  },
  {
    file: 'quickjs.c',
    pattern: /(?=\nstatic JSValue JS_CallInternal\(JSContext \*caller_ctx,)/g,
    by: '\n#define JS_DupValue dup_value\n#define JS_FreeValue free_value\n#define set_value change_value\n',
    times: 1,
  },
  {
    file: 'quickjs.c',
    pattern: /(?=\nJSValue JS_Call\(JSContext \*ctx, JSValueConst func_obj,)/g,
    by: '\n#undef JS_DupValue\n#undef JS_FreeValue\n#undef set_value\n',
    times: 1,
  },
  // A text of the snapshot that becomes an atom.
  {
    file: 'quickjs.c',
    pattern: /(?<= {12}p = str;\n)(?= {12}p->atom_type = atom_type;)/g,
    by: '            if (IS_FROZEN(str)) str->header.ref_count = 2 * IMMORTAL;\n',
    times: 1,
  },
  // Atoms.
  {
    file: 'quickjs.c',
    pattern: /(?<=return \(int32_t\)v < )JS_ATOM_END(?=;)/g,
    by: 'JS_ATOM_END + JS_frozen.atoms',
    times: 1,
  },
  {
    file: 'quickjs.c',
    pattern: /(?<= {4}int atom_free_index; .*\n)/g,
    by: '    int frozen_atoms;\n',
    times: 1,
  },
  { file: 'quickjs.c', pattern: /(?<![\w>.])(p->header\.ref_count)\+\+/g, by: 'COUNT($1)', times: 4 },
  { file: 'quickjs.c', pattern: /--(p->header\.ref_count)\b/g, by: 'UNCOUNT($1)', times: 1 },
  // Shapes, and variables that closures share.
  { file: 'quickjs.c', pattern: /(?<![\w>.])(sh->header\.ref_count)\+\+/g, by: 'COUNT($1)', times: 1 },
  { file: 'quickjs.c', pattern: /--(sh->header\.ref_count)\b/g, by: 'UNCOUNT($1)', times: 1 },
  { file: 'quickjs.c', pattern: /(?<![\w>.])(var_ref->header\.ref_count)\+\+/g, by: 'COUNT($1)', times: 6 },
  { file: 'quickjs.c', pattern: /--(var_ref->header\.ref_count)\b/g, by: 'UNCOUNT($1)', times: 1 },
  {
    file: 'quickjs.c',
    pattern:
      /(?<=\nint JS_DefinePropertyValue\(JSContext \*ctx, JSValueConst this_obj,\n[^{};]*\{\n {4}int ret;\n)/g,
    by: ADD_PROPERTY,
    times: 1,
  },
  ...FAST_CHANGES,
  {
    file: 'quickjs.c',
    pattern: /(?=static __exception int resolve_labels\(JSContext)/g,
    by: 'static int drop_checks(JSContext *ctx, JSFunctionDef *s);\nstatic int shorten(JSContext *ctx, JSFunctionDef *s);\n',
    times: 1,
  },
  {
    file: 'quickjs.c',
    pattern: /(?<=\n {4}label_slots = s->label_slots;\n)(?=\n {4}line_num = s->source_pos;)/g,
    by: '    if (drop_checks(ctx, s) || shorten(ctx, s)) return -1;\n',
    times: 1,
  },
  // Memory that was never used needs no zeroing, and an unused part of a buffer no page.
  {
    file: 'quickjs.c',
    pattern:
      /(\nvoid \*js_mallocz_rt\(JSRuntime \*rt, size_t size\)\n\{\n {4}void \*ptr;\n {4}ptr = js_malloc_rt\(rt, size\);\n {4}if \(!ptr\)\n {8}return NULL;\n)/g,
    by: 'int heap_gave_zeros(size_t size);\n$1    if (heap_gave_zeros(size)) return ptr;\n',
    times: 1,
  },
  ...BUILTIN_CHANGES,
  ...JOINED_CHANGES,
];

/** C files that need the internals of quickjs.c, so they are appended to that file. */
const TAIL = [
  'inside-engine.c',
  'frozen.c',
  'drop-checks.c',
  'shorten.c',
  'fast-objects.c',
  'literals.c',
  'joined.c',
  'addresses.c',
  'native.c',
  'words.c',
  'plain-json.c',
  'fast-builtins.c',
  'fast-properties.c',
].map((name) => join(import.meta.dirname, '../host', name));

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
  for (const { file, pattern, by, times } of [...CHANGES, ...(more?.changes ?? [])]) {
    const text = changed.get(file) ?? original(file);
    const found = text.match(pattern)?.length ?? 0;
    if (found !== times) {
      throw new Error(
        `QuickJS's ${file} matches ${pattern} ${found} times, expected ${times}. Adapt engine-changes.ts`,
      );
    }
    changed.set(file, text.replace(pattern, by));
  }
  changed.set('quickjs.h', DEFINITIONS + changed.get('quickjs.h'));
  const tail = TAIL.map((path) => readFileSync(path, 'utf8'));
  changed.set('quickjs.c', [changed.get('quickjs.c') + tail.join('\n'), more?.tail() ?? ''].join('\n'));
  return changed;
}

/** Returns the files that decide what {@link changedSources} returns, besides the original sources. */
export function changingFiles(): string[] {
  return [import.meta.filename, builtinChangesFile, fastChangesFile, joinedChangesFile, ...TAIL];
}
