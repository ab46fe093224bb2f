/**
 * Instructions that stand for two to four others, which saves the jump from each to the next: the processor can seldom
 * predict it, as most code of a start runs once. host/engine/joined.c puts them into the functions of the snapshot. They
 * take the place of the first opcode only: the others stay behind it for all that reads the code, and a jump to one stays
 * valid.
 */
import type { Change } from './change.ts';

const OPCODES = `
DEF(   dup_if_false, 1, 1, 2, none)
DEF(    dup_if_true, 1, 1, 2, none)
DEF( dup_if_defined, 1, 1, 2, none)
DEF(   dup_if_given, 1, 1, 2, none)
DEF(     arg0_field, 1, 0, 1, none)
DEF(strict_eq_if_false, 1, 2, 1, none)
DEF(    lt_if_false, 1, 2, 1, none)`;

/** A comparison and `if_false8`. */
const comparison = (opcode: string, operator: string, general: string) => `
        CASE(${opcode}):
            {
                int is_true;
                if (likely(JS_VALUE_IS_BOTH_INT(sp[-2], sp[-1]))) {
                    is_true = JS_VALUE_GET_INT(sp[-2]) ${operator} JS_VALUE_GET_INT(sp[-1]);
                } else {
                    sf->cur_pc = pc;
                    if (${general})
                        goto exception;
                    is_true = JS_VALUE_GET_BOOL(sp[-2]);
                }
                sp -= 2;
                pc += is_true ? 2 : 1 + (int8_t)pc[1];
            }
            BREAK;`;

const INSTRUCTIONS = `
        CASE(OP_dup_if_false):
            if (is_truthy(ctx, sp[-1])) {
                JS_FreeValue(ctx, *--sp);
                pc += 3;
            } else {
                pc += 1 + (int8_t)pc[1];
            }
            BREAK;
        CASE(OP_dup_if_true):
            if (is_truthy(ctx, sp[-1])) {
                pc += 1 + (int8_t)pc[1];
            } else {
                JS_FreeValue(ctx, *--sp);
                pc += 3;
            }
            BREAK;
        CASE(OP_dup_if_defined):
            if (JS_IsUndefined(sp[-1]) || JS_IsNull(sp[-1])) {
                sp--;
                pc += 4;
            } else {
                pc += 2 + (int8_t)pc[2];
            }
            BREAK;
        CASE(OP_dup_if_given):
            if (JS_IsUndefined(sp[-1])) {
                sp--;
                pc += 4;
            } else {
                pc += 2 + (int8_t)pc[2];
            }
            BREAK;
        CASE(OP_arg0_field):
            {
                JSAtom atom = get_u32(pc + 1);
                JSValue val = plain_property(arg_buf[0], atom);
                pc += 5;
                if (unlikely(JS_VALUE_GET_TAG(val) == JS_TAG_UNINITIALIZED)) {
                    JSValue object = JS_DupValue(ctx, arg_buf[0]);
                    sf->cur_pc = pc;
                    val = JS_GetProperty(ctx, object, atom);
                    JS_FreeValue(ctx, object);
                    if (unlikely(JS_IsException(val)))
                        goto exception;
                    *sp++ = val;
                } else {
                    *sp++ = JS_DupValue(ctx, val);
                }
            }
            BREAK;${comparison('OP_strict_eq_if_false', '==', 'js_strict_eq_slow(ctx, sp, 0)')}${comparison('OP_lt_if_false', '<', 'js_relational_slow(ctx, sp, OP_lt)')}
`;

export const JOINED_CHANGES: readonly Change[] = [
  {
    pattern: /(?=\nstatic JSValue JS_CallInternal\(JSContext \*caller_ctx,)/g,
    by: '\nstatic force_inline int is_truthy(JSContext *ctx, JSValueConst value);\n',
  },
  {
    file: 'quickjs-opcode.h',
    pattern: /(?<=\nDEF\( typeof_is_function, 1, 1, 1, none\))/g,
    by: OPCODES,
  },
  { pattern: /(?=\n {8}CASE\(OP_if_false8\):)/g, by: INSTRUCTIONS },
];
