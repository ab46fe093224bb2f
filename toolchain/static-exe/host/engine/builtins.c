/*
 * Shorter ways through built-in functions of strings, regular expressions and typed arrays. Each takes the usual case
 * only, has the same result as the engine's way, and leaves every other case to it. src/changes/builtins.ts inserts
 * the calls.
 */

/* For toLowerCase() and toUpperCase(): converts a text of ASCII characters. Returns undefined if it has others. */
static JSValue ascii_case(JSContext *ctx, JSValueConst text, int to_lower) {
  const JSString *s = JS_VALUE_GET_STRING(text);
  const uint8_t first = to_lower ? 'A' : 'a';
  int changes = 0;
  if (s->is_wide_char) return JS_UNDEFINED;
  for (uint32_t i = 0; i < s->len; i++) {
    uint8_t c = s->u.str8[i];
    if (c >= 0x80) return JS_UNDEFINED;
    changes |= (uint8_t)(c - first) < 26;
  }
  if (!changes) return JS_DupValue(ctx, text);
  JSString *to = js_alloc_string(ctx, (int)s->len, 0);
  if (!to) return JS_EXCEPTION;
  for (uint32_t i = 0; i < s->len; i++) {
    uint8_t c = s->u.str8[i];
    to->u.str8[i] = (uint8_t)(c - first) < 26 ? c ^ 0x20 : c;
  }
  to->u.str8[s->len] = 0;
  return JS_MKPTR(JS_TAG_STRING, to);
}

static int are_narrow(const JSString *a, const JSString *b) { return !a->is_wide_char && !b->is_wide_char; }

/* For includes(), its siblings and indexOf(): the first position from `start` to `stop` that holds `part`, or -1. */
static int find_narrow(const JSString *s, const JSString *part, int start, int stop) {
  if (start < 0 || start > stop) return -1;
  if (part->len == 0) return start;
  const uint8_t *at = s->u.str8 + start, *last = s->u.str8 + stop;
  for (; at <= last && (at = memchr(at, part->u.str8[0], (size_t)(last - at) + 1)); at++)
    if (!memcmp(at, part->u.str8, part->len)) return (int)(at - s->u.str8);
  return -1;
}

/* For JS_ToCStringLen2(): the length of the ASCII text that `text` begins with, in whole words. */
static int ascii_words(const uint8_t *text, int len) {
  int at = 0;
  while (at + 8 <= len && !(get_u64(text + at) & 0x8080808080808080)) at += 8;
  return at;
}

/* For the JSON parser: the length of a string at `p` that is written as it is read, or -1. */
static int plain_json_length(const uint8_t *p, const uint8_t *end) {
  const uint8_t *at = p;
  while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\') at++;
  return at < end && *at == '"' && at - p < JS_STRING_LEN_MAX ? (int)(at - p) : -1;
}

/* For RegExp.prototype.test(): makes no list of captures. Returns -1 if the general way must do it. */
static int regexp_matches(JSContext *ctx, JSValueConst regexp, JSValueConst text) {
  enum { MAX_CAPTURES = 16 };
  uint8_t *captures[2 * MAX_CAPTURES];
  JSRegExp *re = js_get_regexp(ctx, regexp, FALSE);
  JSObject *p, *proto = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_REGEXP]);
  JSProperty *exec;
  if (!re || JS_VALUE_GET_TAG(text) != JS_TAG_STRING) return -1;
  p = JS_VALUE_GET_OBJ(regexp);
  const uint8_t *bytecode = re->bytecode->u.str8;
  /* Its only property is lastIndex, whose value is not used. */
  if (p->shape->proto != proto || p->shape->prop_count != 1 || JS_VALUE_GET_TAG(p->prop[0].u.value) != JS_TAG_INT ||
      lre_get_flags(bytecode) & (LRE_FLAG_GLOBAL | LRE_FLAG_STICKY) || lre_get_capture_count(bytecode) > MAX_CAPTURES)
    return -1;
  JSShapeProperty *shape = find_own_property(&exec, proto, JS_ATOM_exec);
  if (!shape || shape->flags & JS_PROP_TMASK || !JS_IsCFunction(ctx, exec->u.value, (JSCFunction *)js_regexp_exec, 0)) return -1;
  const JSString *s = JS_VALUE_GET_STRING(text);
  int r = lre_exec(captures, bytecode, s->u.str8, 0, (int)s->len, s->is_wide_char, ctx);
  return r == 0 || r == 1 ? r : -1;
}

/* For slice() and subarray() of a typed array: whether they make an array with the built-in constructor of its class. */
static int makes_same_class(JSContext *ctx, const JSObject *array) {
  JSObject *proto = JS_VALUE_GET_OBJ(ctx->class_proto[array->class_id]);
  JSProperty *constructor, *species;
  if (array->shape->proto != proto || array->shape->prop_count) return 0;
  JSShapeProperty *shape = find_own_property(&constructor, proto, JS_ATOM_constructor);
  if (!shape || shape->flags & JS_PROP_TMASK ||
      !JS_IsCFunction(ctx, constructor->u.value, (JSCFunction *)js_typed_array_constructor, array->class_id))
    return 0;
  JSObject *function = JS_VALUE_GET_OBJ(constructor->u.value), *parent = function->shape->proto;
  if (!parent || parent->is_exotic || find_own_property1(function, JS_ATOM_Symbol_species)) return 0;
  shape = find_own_property(&species, parent, JS_ATOM_Symbol_species);
  return shape && (shape->flags & JS_PROP_TMASK) == JS_PROP_GETSET && species->u.getset.getter &&
         JS_IsCFunction(ctx, JS_MKPTR(JS_TAG_OBJECT, species->u.getset.getter), (JSCFunction *)js_get_this, 0);
}
