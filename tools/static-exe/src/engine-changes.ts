/**
 * What is changed in the engine's sources before they are compiled.
 *
 * **Objects can be immortal.** A start finds its objects in the snapshot, a copy-on-write mapping of the file. To count a reference to one writes
 * to its page, and the first write to a page costs a fault and a copy, about 2 µs; an ADD wrote to 138 of 203 pages,
 * most times to count. So whatever lies in the snapshot gets a count that is out of reach, and is not counted any
 * more. What a start makes is counted and freed as ever; a cycle that runs through the snapshot is kept by it.
 *
 * **A new property of a plain object is added, not defined.** Object literals and closures make nearly all properties
 * that a start makes, by the way that serves every kind of object and descriptor: a tenth of an ADD's instructions.
 *
 * **A variable is read without a look whether it has been set yet.** `let` and `const` ask for one each time, and `i++`
 * becomes four steps for it instead of one. Nothing here relies on the error, which the same code has under Node, in the
 * tests; `this` keeps it, since a derived class's constructor does.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const DEFINITIONS = `#define IMMORTAL (1 << 28)
#define COUNT(n) ((n) < IMMORTAL ? (void)(n)++ : (void)0)
#define UNCOUNT(n) ((n) < IMMORTAL ? --(n) : IMMORTAL)
`;

/** At the start of JS_DefinePropertyValue(), whose value is the callee's. */
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

interface Change {
  file: string;
  pattern: RegExp;
  /** What takes its place; `$1` is the first group. */
  by: string;
  /** How often it must match: with another engine this is to be thought over, not to be applied half. */
  times: number;
}

/** Instructions that look first, where the compiler of JavaScript chooses them. */
const UNLOOKED: readonly Change[] = ['get_loc', 'put_loc', 'get_var_ref', 'put_var_ref'].map((op) => ({
  file: 'quickjs.c',
  pattern: new RegExp(`\\bOP_${op}_check\\);`, 'g'),
  by: `var_name == JS_ATOM_this ? OP_${op}_check : OP_${op});`,
  times: 1,
}));

const CHANGES: readonly Change[] = [
  ...UNLOOKED,
  { file: 'quickjs.c', pattern: /get_op = OP_get_loc_check;/g, by: 'get_op = OP_get_loc;', times: 1 },
  { file: 'quickjs.c', pattern: /get_op = OP_get_var_ref_check;/g, by: 'get_op = OP_get_var_ref;', times: 1 },
  // JS_DupValue(), JS_FreeValue() and their siblings.
  { file: 'quickjs.h', pattern: /\b(p->ref_count)\+\+/g, by: 'COUNT($1)', times: 2 },
  { file: 'quickjs.h', pattern: /--(p->ref_count)\b/g, by: 'UNCOUNT($1)', times: 2 },
  // Atoms.
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
];

/** Needs the insides of quickjs.c. */
const TAIL = join(import.meta.dirname, '../host/inside-engine.c');

/** The changed text of each file that changes; `original` gives the text of one. */
export function changedSources(original: (file: string) => string): Map<string, string> {
  const changed = new Map<string, string>();
  for (const { file, pattern, by, times } of CHANGES) {
    const text = changed.get(file) ?? original(file);
    const found = text.match(pattern)?.length ?? 0;
    if (found !== times) {
      throw new Error(
        `QuickJS's ${file} has ${pattern} ${found} times instead of ${times}: see engine-changes.ts`,
      );
    }
    changed.set(file, text.replace(pattern, by));
  }
  changed.set('quickjs.h', DEFINITIONS + changed.get('quickjs.h'));
  changed.set('quickjs.c', changed.get('quickjs.c') + readFileSync(TAIL, 'utf8'));
  return changed;
}
