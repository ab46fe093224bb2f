/**
 * Objects can be immortal. A start finds its objects in the snapshot, a copy-on-write mapping of the file. Counting a
 * reference to such an object writes to its page, and the first write to a page costs a fault and a copy, about 2 µs.
 * Without this change an ADD writes to 138 of 203 pages, mostly to count references. So objects in the snapshot get a count
 * that is out of reach, and their references are no longer counted. Objects that a start makes are counted and freed as
 * usual. A cycle that runs through the snapshot is never freed. References of values are recognised by their address, so
 * that an object of the snapshot is not even read. host/engine/references.c and host/engine/snapshot.c have the code.
 */
import type { Change } from './change.ts';

/** Inserted at the start of quickjs.h. */
export const REFERENCE_DEFINITIONS = `#include <stdint.h>
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

/** Functions of host/engine/references.c. */
const DECLARATIONS = `
static force_inline JSValue dup_value(JSContext *ctx, JSValueConst value);
static force_inline void free_value(JSContext *ctx, JSValue value);
static force_inline void change_value(JSContext *ctx, JSValue *at, JSValue value);
`;

export const REFERENCE_CHANGES: readonly Change[] = [
  { pattern: /(?=\nconst char \*JS_ToCStringLen2\(JSContext \*ctx,)/g, by: DECLARATIONS },
  // JS_DupValue(), JS_FreeValue() and their siblings.
  {
    file: 'quickjs.h',
    pattern: /(?<= {4}if \(JS_VALUE_HAS_REF_COUNT\(v\))(?=\) \{)/g,
    by: ' && !IS_FROZEN(JS_VALUE_GET_PTR(v))',
    times: 4,
  },
  {
    pattern: /(?<= {4}if \()(?=--str->header\.ref_count <= 0\))/g,
    by: '!IS_FROZEN(str) && ',
  },
  {
    pattern: /(?<= {8}if \()(?=p1->header\.ref_count != 1\))/g,
    by: 'IS_FROZEN(p1) || ',
  },
  {
    pattern: /(?<= {12}if \(__JS_AtomIsConst\(i\))(?=\)\n {16}str->header\.ref_count--;)/g,
    by: ' && !IS_FROZEN(str)',
  },
  {
    pattern: /(?=\nstatic JSValue JS_CallInternal\(JSContext \*caller_ctx,)/g,
    by: '\n#define JS_DupValue dup_value\n#define JS_FreeValue free_value\n#define set_value change_value\n',
  },
  {
    pattern: /(?=\nJSValue JS_Call\(JSContext \*ctx, JSValueConst func_obj,)/g,
    by: '\n#undef JS_DupValue\n#undef JS_FreeValue\n#undef set_value\n',
  },
  // A text of the snapshot that becomes an atom.
  {
    pattern: /(?<= {12}p = str;\n)(?= {12}p->atom_type = atom_type;)/g,
    by: '            if (IS_FROZEN(str)) str->header.ref_count = 2 * IMMORTAL;\n',
  },
  // Atoms.
  {
    pattern: /(?<=return \(int32_t\)v < )JS_ATOM_END(?=;)/g,
    by: 'JS_ATOM_END + JS_frozen.atoms',
  },
  {
    pattern: /(?<= {4}int atom_free_index; .*\n)/g,
    by: '    int frozen_atoms;\n',
  },
  { pattern: /(?<![\w>.])(p->header\.ref_count)\+\+/g, by: 'COUNT($1)', times: 4 },
  { pattern: /--(p->header\.ref_count)\b/g, by: 'UNCOUNT($1)' },
  // Shapes, and variables that closures share.
  { pattern: /(?<![\w>.])(sh->header\.ref_count)\+\+/g, by: 'COUNT($1)' },
  { pattern: /--(sh->header\.ref_count)\b/g, by: 'UNCOUNT($1)' },
  { pattern: /(?<![\w>.])(var_ref->header\.ref_count)\+\+/g, by: 'COUNT($1)', times: 6 },
  { pattern: /--(var_ref->header\.ref_count)\b/g, by: 'UNCOUNT($1)' },
];
