/**
 * Shorter ways to properties, and from a call to a function in C. host/engine/properties.c has the code.
 *
 * A new property of a plain object is added, not defined. Object literals and closures make nearly all properties of a
 * start, through the path that serves every kind of object and descriptor: a tenth of an ADD's instructions.
 */
import type { Change } from './change.ts';

/** Functions of host/engine/properties.c. */
const DECLARATIONS = `
static force_inline JSValueConst plain_property(JSValueConst object, JSAtom name);
static force_inline int change_property(JSContext *ctx, JSValueConst object, JSAtom name, JSValue value);
static JSValue other_length(JSContext *ctx, JSValueConst value);
static force_inline JSValue call_value(JSContext *ctx, JSValueConst function, JSValueConst this, int argc, JSValue *argv);
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

/** Replaces the lookup of a property of the value on top of the stack. */
const lookup = (name: string, general: string) => `val = plain_property(sp[-1], ${name});
                if (JS_VALUE_GET_TAG(val) == JS_TAG_UNINITIALIZED) val = ${general};
                else val = JS_DupValue(ctx, val);`;

export const PROPERTY_CHANGES: readonly Change[] = [
  { pattern: /(?=\nconst char \*JS_ToCStringLen2\(JSContext \*ctx,)/g, by: DECLARATIONS },
  {
    pattern:
      /(?<=\nint JS_DefinePropertyValue\(JSContext \*ctx, JSValueConst this_obj,\n[^{};]*\{\n {4}int ret;\n)/g,
    by: ADD_PROPERTY,
  },
  {
    pattern: /(?<= {8}CASE\(OP_get_field\):\n[^}]*\n {16})val = JS_GetProperty\(ctx, sp\[-1\], atom\);/g,
    by: lookup('atom', 'JS_GetProperty(ctx, sp[-1], atom)'),
  },
  {
    pattern: /(?<= {8}CASE\(OP_get_field2\):\n[^}]*\n {16})val = JS_GetProperty\(ctx, sp\[-1\], atom\);/g,
    by: lookup('atom', 'JS_GetProperty(ctx, sp[-1], atom)'),
  },
  {
    pattern:
      /(?<= {8}CASE\(OP_get_length\):\n[^}]*\n {16})val = JS_GetProperty\(ctx, sp\[-1\], JS_ATOM_length\);/g,
    by: lookup('JS_ATOM_length', 'other_length(ctx, sp[-1])'),
  },
  {
    pattern:
      /(?<= {16}ret_val = )JS_CallInternal(\(ctx, call_argv\[-1\], JS_UNDEFINED,)\s*JS_UNDEFINED,( call_argc, call_argv), 0(?=\);\n.*\n.*\n {16}if \(opcode == OP_tail_call\))/g,
    by: 'call_value$1$2',
  },
  {
    pattern:
      /(?<= {16}ret_val = )JS_CallInternal(\(ctx, call_argv\[-1\], call_argv\[-2\],)\s*JS_UNDEFINED,( call_argc, call_argv), 0(?=\);\n.*\n.*\n {16}if \(opcode == OP_tail_call_method\))/g,
    by: 'call_value$1$2',
  },
  {
    pattern: /(?<= {8}CASE\(OP_put_field\):\n[^}]*\n {16})(?=ret = JS_SetPropertyInternal\()/g,
    by: 'ret = change_property(ctx, sp[-2], atom, sp[-1]);\n                if (!ret) ',
  },
];
