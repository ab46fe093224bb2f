/**
 * The compiler drops needless checks of `let` and `const`. It checks each access, in case that the variable is not
 * initialised yet, and then misses its own optimisations, such as one instruction for `i++`. host/engine/drop-checks.c
 * proves by data flow which accesses cannot fail. The others keep their checks. Then host/engine/shorten.c shortens the
 * code.
 */
import type { Change } from './change.ts';

export const COMPILER_CHANGES: readonly Change[] = [
  {
    pattern: /(?=static __exception int resolve_labels\(JSContext)/g,
    by: 'static int drop_checks(JSContext *ctx, JSFunctionDef *s);\nstatic int shorten(JSContext *ctx, JSFunctionDef *s);\n',
  },
  {
    pattern: /(?<=\n {4}label_slots = s->label_slots;\n)(?=\n {4}line_num = s->source_pos;)/g,
    by: '    if (drop_checks(ctx, s) || shorten(ctx, s)) return -1;\n',
  },
];
