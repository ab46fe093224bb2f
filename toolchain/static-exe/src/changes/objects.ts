/**
 * Shorter ways through the engine for what scripts do most: making functions and arrays, copying objects, joining
 * strings, iterating over arrays. host/engine/objects.c has the code. These changes call it.
 */
import type { Change } from './change.ts';

/** Functions of host/engine/objects.c. */
const DECLARATIONS = `static JSShape *make_function_shape(JSContext *ctx);
static JSValue new_function(JSContext *ctx, const JSFunctionBytecode *b);
static int name_function(JSContext *ctx, JSValueConst function, JSAtom name);
static int is_same_object(JSValueConst a, JSValueConst b);
static int makes_plain_arrays(JSContext *ctx, JSValueConst ctor);
static JSValue new_plain_array(JSContext *ctx, JSValueConst length);
static inline JSObject *appendable(JSValueConst array);
static int add_fast_array_element(JSContext *ctx, JSObject *p, JSValue val, int flags);
static int copy_plain(JSContext *ctx, JSValueConst target, JSObject *from);
static JSValue concat_short(JSContext *ctx, JSValueConst first, int count, JSValueConst *rest);
static int iterates_plainly(JSContext *ctx, JSValueConst array);
static JSValue index_of_array(uint32_t index);
static int is_array_iteration(const JSValue *iteration);
static int next_of_array(JSContext *ctx, JSValue *iteration, JSValue *result);
static int make_iteration(JSContext *ctx, JSValue *iteration);
static int end_array_iteration(JSContext *ctx, JSValue *iteration);
static int append_array(JSContext *ctx, JSValue *sp);
static inline JSValue constant_text(JSContext *ctx, JSAtom atom);
static int equal_texts(JSValueConst left, JSValueConst right);
static BOOL js_get_fast_array(JSContext *ctx, JSValueConst obj, JSValue **arrpp, uint32_t *countp);
`;

export const OBJECT_CHANGES: readonly Change[] = [
  // The shape of ordinary functions: declared, marked, freed, made.
  {
    pattern: /(?<= {4}JSShape \*array_shape; .*\n)/g,
    by: '    JSShape *function_shape;\n',
  },
  {
    pattern: /(?<= {8}mark_func\(rt, &ctx->array_shape->header\);\n)/g,
    by: '    if (ctx->function_shape) mark_func(rt, &ctx->function_shape->header);\n',
  },
  {
    pattern: /(?<= {4}js_free_shape_null\(ctx->rt, ctx->array_shape\);\n)/g,
    by: '    js_free_shape_null(ctx->rt, ctx->function_shape);\n',
  },
  {
    pattern: /(?= {4}ctx->array_shape = js_new_shape2\()/g,
    by: '    ctx->function_shape = make_function_shape(ctx);\n',
  },
  {
    pattern:
      /(?=static JSValue JS_NewObjectFromShape\(JSContext \*ctx, JSShape \*sh, JSClassID class_id\)\n\{)/g,
    by: DECLARATIONS,
  },
  {
    pattern: /(?<=\n {4}func_obj = )(JS_NewObjectClass\(ctx, func_kind_to_class_id\[b->func_kind\]\);)/g,
    by: 'b->func_kind == JS_FUNC_NORMAL ? new_function(ctx, b) : $1',
  },
  {
    pattern: /(?= {4}js_function_set_properties\(ctx, func_obj, name_atom,\n {31}b->defined_arg_count\);)/g,
    by: '    if (b->func_kind != JS_FUNC_NORMAL)\n',
  },
  {
    pattern: /(?<= {4}&& {2}JS_IsObject\(obj\)\n)(?= {4}&& {2}!js_object_has_name\(ctx, obj\))/g,
    by: '    &&  !name_function(ctx, obj, name)\n',
  },
  {
    pattern: /(?<= {4}obj = )(js_create_from_ctor\(ctx, new_target, JS_CLASS_ARRAY\);)/g,
    by: 'is_same_object(new_target, ctx->array_ctor) ? JS_NewArray(ctx) : $1',
  },
  {
    pattern:
      /(?<= {4}ctor = JS_GetProperty\(ctx, obj, JS_ATOM_constructor\);\n)(?= {4}if \(JS_IsException\(ctor\)\)\n {8}return ctor;\n {4}if \(JS_IsConstructor)/g,
    by: `    if (makes_plain_arrays(ctx, ctor)) {
        JS_FreeValue(ctx, ctor);
        return new_plain_array(ctx, len_val);
    }
`,
  },
  {
    pattern: /(?<=\nint JS_DefinePropertyValueValue\([^{};]*\{\n {4}JSAtom atom;\n {4}int ret;\n)/g,
    by: `    JSObject *p = appendable(this_obj);
    if (p && JS_VALUE_GET_TAG(prop) == JS_TAG_INT && (uint32_t)JS_VALUE_GET_INT(prop) == p->u.array.count &&
        (flags & ~JS_PROP_THROW) == JS_PROP_C_W_E)
        return add_fast_array_element(ctx, p, val, flags);
`,
  },
  {
    pattern: /(?<=\nstatic int JS_TryGetPropertyInt64\([^{};]*\{\n.*\n.*\n {4}int present;\n)/g,
    by: `
    JSValue *values;
    uint32_t count;
    if (js_get_fast_array(ctx, obj, &values, &count) && (uint64_t)idx < count) {
        *pval = JS_DupValue(ctx, values[idx]);
        return TRUE;
    }
`,
  },
  {
    pattern: /(?<=\n {4}p = JS_VALUE_GET_OBJ\(source\);\n)(?=\n {4}gpn_flags = )/g,
    by: `    if (!pexcl && !setprop && (ret = copy_plain(ctx, target, p)))
        return ret < 0 ? -1 : 0;
`,
  },
  {
    pattern:
      /(?= {4}r = JS_ToStringCheckObject\(ctx, this_val\);\n {4}for \(i = 0; i < argc; i\+\+\) \{\n {8}if \(JS_IsException\(r\)\)\n {12}break;\n {8}r = JS_ConcatString)/g,
    by: `    r = concat_short(ctx, this_val, argc, argv);
    if (!JS_IsUndefined(r)) return r;
`,
  },
  {
    pattern:
      /(?<= {8}CASE\(OP_for_of_start\):\n {12}sf->cur_pc = pc;\n {12})(if \(js_for_of_start\(ctx, sp, FALSE\)\))/g,
    // An async generator calls the \`return\` of an iterator by other instructions.
    by: `if (b->func_kind != JS_FUNC_ASYNC_GENERATOR && iterates_plainly(ctx, sp[-1]))
                sp[0] = index_of_array(0);
            else $1`,
  },
  {
    pattern: /(?<=static __exception int js_for_of_next\([^{};]*\{\n.*\n {4}int done = 1;\n)/g,
    by: '    if (is_array_iteration(&sp[offset])) return next_of_array(ctx, &sp[offset], sp);\n',
  },
  {
    pattern: /(?<= {12}sp--; \/\* drop the catch offset to avoid getting caught by exception \*\/\n)/g,
    by: '            if (end_array_iteration(ctx, sp - 2)) goto exception;\n',
  },
  {
    pattern:
      /(?<= {20}\/\* enumerator: close it with a throw \*\/\n)( {20}JS_FreeValue.*\n {20}sp--;\n {20})(?=JS_IteratorClose\()/g,
    by: `                    end_array_iteration(ctx, sp - 2);
$1if (!JS_IsUndefined(sp[-1])) `,
  },
  {
    pattern: /(?<= {8}CASE\(OP_iterator_next\):\n.*\n {12}\{\n {16}JSValue ret;\n {16}sf->cur_pc = pc;\n)/g,
    by: '                if (make_iteration(ctx, sp - 4)) goto exception;\n',
  },
  {
    pattern: /(?<= {4}pos = JS_VALUE_GET_INT\(sp\[-2\]\);\n)(?=\n {4}\/\* XXX: further optimisations)/g,
    by: `    is_array_iterator = append_array(ctx, sp);
    if (is_array_iterator) return is_array_iterator < 0 ? -1 : 0;
`,
  },
  {
    pattern:
      /(?<= {8}CASE\(OP_push_atom_value\):\n {12}\*sp\+\+ = )JS_AtomToValue(?=\(ctx, get_u32\(pc\)\);)/g,
    by: 'constant_text',
  },
  {
    pattern: /(?<= {4})(res = )(js_strict_eq2\(ctx, sp\[-2\], sp\[-1\], JS_EQ_STRICT\);)/g,
    by: `$1equal_texts(sp[-2], sp[-1]);
    if (res >= 0) {
        JS_FreeValue(ctx, sp[-2]);
        JS_FreeValue(ctx, sp[-1]);
    } else
        $1$2`,
  },
];
