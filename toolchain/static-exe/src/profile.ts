import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Change } from './changes/change.ts';

const MARKS = join(import.meta.dirname, '../host/profile.c');

const DECLARATIONS = `void cnk_mark_enter(JSContext *, JSFunctionBytecode *);
void cnk_mark_enter_c(void *, int);
void cnk_mark_return(void);
`;

/** Marks for each call of a function, see host/profile.c. Generators are not marked. */
const CHANGES: readonly Change[] = [
  {
    pattern: /(?=static JSValue js_call_c_function\([^;{]*\)\n\{)/g,
    by: DECLARATIONS,
  },
  {
    pattern: /(?<=\n {4}func = p->u\.cfunc\.c_function;\n)(?= {4}switch)/g,
    by: '    cnk_mark_enter_c((void *)func.generic, p->u.cfunc.magic);\n',
  },
  {
    pattern: /(?<=\n {4}b = p->u\.func\.function_bytecode;\n)(?=\n {4}if \(unlikely\(argc < b->arg_count)/g,
    by: '    cnk_mark_enter(caller_ctx, b);\n',
  },
  {
    pattern: /(?= {4}rt->current_stack_frame = sf->prev_frame;\n {4}return ret_val;)/g,
    by: '    cnk_mark_return();\n',
    times: 2,
  },
];

/** Changes of the engine for a profile, in addition to the usual ones. */
export const PROFILE = {
  changes: CHANGES,
  tail: (): string => readFileSync(MARKS, 'utf8'),
  files: [import.meta.filename, MARKS],
} as const;
