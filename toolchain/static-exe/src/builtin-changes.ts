/**
 * Shorter ways through built-in functions and to properties: host/fast-builtins.c, host/plain-json.c and
 * host/fast-properties.c have the code.
 */

/** This file, which decides what the changed sources are. */
export const builtinChangesFile = import.meta.filename;

const DECLARATIONS = `
static JSValue plain_json(JSContext *ctx, JSValueConst value);
static JSValue parse_plain(JSContext *ctx, JSValueConst text);
static JSValue ascii_case(JSContext *ctx, JSValueConst text, int to_lower);
static int are_narrow(const JSString *a, const JSString *b);
static int find_narrow(const JSString *s, const JSString *part, int start, int stop);
static int ascii_words(const uint8_t *text, int len);
static int plain_json_length(const uint8_t *p, const uint8_t *end);
static int is_json_number(const uint8_t *at);
static int is_json_escape(const uint8_t *at);
static int regexp_matches(JSContext *ctx, JSValueConst regexp, JSValueConst text);
static int makes_same_class(JSContext *ctx, const JSObject *array);
static force_inline int is_truthy(JSContext *ctx, JSValueConst value);
static force_inline JSValue dup_value(JSContext *ctx, JSValueConst value);
static force_inline void free_value(JSContext *ctx, JSValue value);
static force_inline void change_value(JSContext *ctx, JSValue *at, JSValue value);
static force_inline JSValueConst plain_property(JSValueConst object, JSAtom name);
static force_inline int change_property(JSContext *ctx, JSValueConst object, JSAtom name, JSValue value);
static JSValue other_length(JSContext *ctx, JSValueConst value);
static force_inline JSValue call_value(JSContext *ctx, JSValueConst function, JSValueConst this, int argc, JSValue *argv);
`;

/** Replaces the lookup of a property of the value on top of the stack. */
const LOOKUP = `val = plain_property(sp[-1], $1);
                if (JS_VALUE_GET_TAG(val) == JS_TAG_UNINITIALIZED) val = JS_GetProperty(ctx, sp[-1], $1);
                else val = JS_DupValue(ctx, val);`;

const change = (pattern: RegExp, by: string) => ({ file: 'quickjs.c', pattern, by, times: 1 });

export const BUILTIN_CHANGES = [
  change(/(?=\nconst char \*JS_ToCStringLen2\(JSContext \*ctx,)/g, DECLARATIONS),
  change(
    /(?<=\nJSValue JS_JSONStringify\(.*\n.*\n\{\n[^{}]*\n {4}int64_t i, j, n;\n)/g,
    `
    if (JS_IsUndefined(replacer) && JS_IsUndefined(space0)) {
        ret = plain_json(ctx, obj);
        if (!JS_IsUndefined(ret)) return ret;
    }
`,
  ),
  change(
    /(?<=\nstatic JSValue js_json_parse\([^{}]*\{\n[^{}]*\n {4}size_t len;\n)/g,
    `
    obj = argc > 1 ? JS_UNDEFINED : parse_plain(ctx, argv[0]);
    if (!JS_IsUndefined(obj)) return obj;
`,
  ),
  change(
    /(?<=\nstatic JSValue js_string_toLowerCase\([^{}]*\{\n[^{}]*\n {4}if \(p->len == 0\)\n {8}return val;\n)/g,
    `    JSValue converted = ascii_case(ctx, val, to_lower);
    if (!JS_IsUndefined(converted)) {
        JS_FreeValue(ctx, val);
        return converted;
    }
`,
  ),
  // includes(), startsWith(), endsWith(), indexOf().
  change(
    /(?= {4}if \(start >= 0 && start <= stop\) \{\n {8}for \(i = start;; i\+\+\) \{\n {12}if \(!string_cmp\()/g,
    '    if (are_narrow(p, p1)) ret = find_narrow(p, p1, start, stop) >= 0;\n    else\n',
  ),
  change(
    /(?= {4}if \(len >= v_len && inc \* \(stop - start\) >= 0\) \{\n)/g,
    '    if (!lastIndexOf && are_narrow(p, p1)) ret = find_narrow(p, p1, start, stop);\n    else\n',
  ),
  change(
    /(?<=\n {8}count = 0;\n {8}for \()pos = 0(?=; pos < len; pos\+\+\) \{\n {12}count \+= src\[pos\] >> 7;)/g,
    'pos = ascii_words(src, len)',
  ),
  // `cur_func` is the function that the compiler parses.
  change(
    /(?<=\nstatic __exception int js_parse_string\([^{}]*\{\n[^{}]*\n {4}const uint8_t \*p_escape;\n)/g,
    `
    int plain = sep == '"' && !s->cur_func ? plain_json_length(p, s->buf_end) : -1;
    if (plain >= 0) {
        JSValue text = js_new_string8_len(s->ctx, (const char *)p, plain);
        if (JS_IsException(text)) return -1;
        token->val = TOK_STRING;
        token->u.str.sep = sep;
        token->u.str.str = text;
        *pp = p + plain + 1;
        return 0;
    }
`,
  ),
  change(
    /(?<= {12}p_escape = p - 1;\n {12}c = \*p;\n)(?= {12}\/\* XXX: need a specific JSON case)/g,
    '            if (!s->cur_func && !is_json_escape(p)) goto invalid_escape;\n',
  ),
  change(
    /(?<= {4}parse_number:\n {8}\{\n {12}JSValue ret;\n {12}int flags, radix;\n {12}if \(!s->ext_json\) \{\n)/g,
    '                if (!is_json_number(p)) goto def_token;\n',
  ),
  change(
    /(?<=\nstatic JSValue js_regexp_test\([^{}]*\{\n[^{}]*\n {4}BOOL ret;\n)/g,
    `    int known = regexp_matches(ctx, this_val, argv[0]);
    if (known >= 0) return JS_NewBool(ctx, known);
`,
  ),
  change(
    /(?<=\nstatic JSValue js_typed_array___speciesCreate\([^{}]*\{\n[^{}]*\n {4}if \(!p\)\n {8}return JS_EXCEPTION;\n)/g,
    '    if (makes_same_class(ctx, p)) return js_typed_array_constructor(ctx, JS_UNDEFINED, argc - 1, argv + 1, p->class_id);\n',
  ),
  change(
    /(?<= {8}CASE\(OP_get_field\):\n[^}]*\n {16})val = JS_GetProperty\(ctx, sp\[-1\], (atom)\);/g,
    LOOKUP,
  ),
  change(
    /(?<= {8}CASE\(OP_get_field2\):\n[^}]*\n {16})val = JS_GetProperty\(ctx, sp\[-1\], (atom)\);/g,
    LOOKUP,
  ),
  change(
    /(?<= {8}CASE\(OP_get_length\):\n[^}]*\n {16})val = JS_GetProperty\(ctx, sp\[-1\], (JS_ATOM_length)\);/g,
    LOOKUP.replace('JS_GetProperty(ctx, sp[-1], $1)', 'other_length(ctx, sp[-1])'),
  ),
  change(
    /(?<= {16}ret_val = )JS_CallInternal(\(ctx, call_argv\[-1\], JS_UNDEFINED,)\s*JS_UNDEFINED,( call_argc, call_argv), 0(?=\);\n.*\n.*\n {16}if \(opcode == OP_tail_call\))/g,
    'call_value$1$2',
  ),
  change(
    /(?<= {16}ret_val = )JS_CallInternal(\(ctx, call_argv\[-1\], call_argv\[-2\],)\s*JS_UNDEFINED,( call_argc, call_argv), 0(?=\);\n.*\n.*\n {16}if \(opcode == OP_tail_call_method\))/g,
    'call_value$1$2',
  ),
  change(
    /(?<= {8}CASE\(OP_put_field\):\n[^}]*\n {16})(?=ret = JS_SetPropertyInternal\()/g,
    'ret = change_property(ctx, sp[-2], atom, sp[-1]);\n                if (!ret) ',
  ),
];
