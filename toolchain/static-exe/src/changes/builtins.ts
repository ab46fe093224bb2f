/** Shorter ways through built-in functions: host/engine/builtins.c and host/engine/plain-json.c have the code. */
import type { Change } from './change.ts';

/** Functions of these files. */
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
`;

export const BUILTIN_CHANGES: readonly Change[] = [
  { pattern: /(?=\nconst char \*JS_ToCStringLen2\(JSContext \*ctx,)/g, by: DECLARATIONS },
  {
    pattern: /(?<=\nJSValue JS_JSONStringify\(.*\n.*\n\{\n[^{}]*\n {4}int64_t i, j, n;\n)/g,
    by: `
    if (JS_IsUndefined(replacer) && JS_IsUndefined(space0)) {
        ret = plain_json(ctx, obj);
        if (!JS_IsUndefined(ret)) return ret;
    }
`,
  },
  {
    pattern: /(?<=\nstatic JSValue js_json_parse\([^{}]*\{\n[^{}]*\n {4}size_t len;\n)/g,
    by: `
    obj = argc > 1 ? JS_UNDEFINED : parse_plain(ctx, argv[0]);
    if (!JS_IsUndefined(obj)) return obj;
`,
  },
  {
    pattern:
      /(?<=\nstatic JSValue js_string_toLowerCase\([^{}]*\{\n[^{}]*\n {4}if \(p->len == 0\)\n {8}return val;\n)/g,
    by: `    JSValue converted = ascii_case(ctx, val, to_lower);
    if (!JS_IsUndefined(converted)) {
        JS_FreeValue(ctx, val);
        return converted;
    }
`,
  },
  // includes(), startsWith(), endsWith(), indexOf().
  {
    pattern:
      /(?= {4}if \(start >= 0 && start <= stop\) \{\n {8}for \(i = start;; i\+\+\) \{\n {12}if \(!string_cmp\()/g,
    by: '    if (are_narrow(p, p1)) ret = find_narrow(p, p1, start, stop) >= 0;\n    else\n',
  },
  {
    pattern: /(?= {4}if \(len >= v_len && inc \* \(stop - start\) >= 0\) \{\n)/g,
    by: '    if (!lastIndexOf && are_narrow(p, p1)) ret = find_narrow(p, p1, start, stop);\n    else\n',
  },
  {
    pattern:
      /(?<=\n {8}count = 0;\n {8}for \()pos = 0(?=; pos < len; pos\+\+\) \{\n {12}count \+= src\[pos\] >> 7;)/g,
    by: 'pos = ascii_words(src, len)',
  },
  // `cur_func` is the function that the compiler parses.
  {
    pattern:
      /(?<=\nstatic __exception int js_parse_string\([^{}]*\{\n[^{}]*\n {4}const uint8_t \*p_escape;\n)/g,
    by: `
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
  },
  {
    pattern: /(?<= {12}p_escape = p - 1;\n {12}c = \*p;\n)(?= {12}\/\* XXX: need a specific JSON case)/g,
    by: '            if (!s->cur_func && !is_json_escape(p)) goto invalid_escape;\n',
  },
  {
    pattern:
      /(?<= {4}parse_number:\n {8}\{\n {12}JSValue ret;\n {12}int flags, radix;\n {12}if \(!s->ext_json\) \{\n)/g,
    by: '                if (!is_json_number(p)) goto def_token;\n',
  },
  {
    pattern: /(?<=\nstatic JSValue js_regexp_test\([^{}]*\{\n[^{}]*\n {4}BOOL ret;\n)/g,
    by: `    int known = regexp_matches(ctx, this_val, argv[0]);
    if (known >= 0) return JS_NewBool(ctx, known);
`,
  },
  {
    pattern:
      /(?<=\nstatic JSValue js_typed_array___speciesCreate\([^{}]*\{\n[^{}]*\n {4}if \(!p\)\n {8}return JS_EXCEPTION;\n)/g,
    by: '    if (makes_same_class(ctx, p)) return js_typed_array_constructor(ctx, JS_UNDEFINED, argc - 1, argv + 1, p->class_id);\n',
  },
];
