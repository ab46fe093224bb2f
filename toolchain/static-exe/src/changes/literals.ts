/**
 * Object literals get their properties with the object: the instruction that creates it gets the number of its shape, 0
 * for none. host/engine/literals.c has the code.
 */
import type { Change } from './change.ts';

/** Functions of host/engine/literals.c. */
const DECLARATIONS = `static JSValue new_literal(JSContext *ctx, int number);
static inline int set_literal_field(JSContext *ctx, JSValueConst object, JSAtom name, JSValue value);
`;

export const LITERAL_CHANGES: readonly Change[] = [
  {
    pattern:
      /(?=static JSValue JS_NewObjectFromShape\(JSContext \*ctx, JSShape \*sh, JSClassID class_id\)\n\{)/g,
    by: DECLARATIONS,
  },
  {
    pattern: /(?<= {4}JSShape \*array_shape; .*\n)/g,
    by: '    JSShape **literals;\n    int literal_count;\n',
  },
  {
    file: 'quickjs-opcode.h',
    pattern: /DEF\( {9}object, 1, 0, 1, none\)/g,
    by: 'DEF(object, 3, 0, 1, u16)',
  },
  {
    pattern: /(?<=\n {4,16}emit_op\(s, OP_object\);)/g,
    by: ' emit_u16(s, 0);',
    times: 4,
  },
  {
    pattern: /(?<=\n {16,20}dbuf_putc\(bc, OP_object\);)/g,
    by: ' dbuf_put_u16(bc, 0);',
    times: 2,
  },
  {
    pattern: /(?<= {8}CASE\(OP_object\):\n {12})(\*sp\+\+ = )(JS_NewObject\(ctx\);)/g,
    by: `pc += 2;
            $1get_u16(pc - 2) ? new_literal(ctx, get_u16(pc - 2)) : $2`,
  },
  {
    pattern:
      /(?<= {8}CASE\(OP_define_field\):\n {12}\{\n.*\n.*\n {16}atom = get_u32\(pc\);\n {16}pc \+= 4;\n)/g,
    by: `                if (set_literal_field(ctx, sp[-2], atom, sp[-1])) {
                    sp--;
                    BREAK;
                }
`,
  },
];
