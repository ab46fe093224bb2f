/*
 * JSON.stringify() and JSON.parse() of plain data.
 *
 * plain_json() writes objects and arrays without toJSON(), accessors and numeric names. Nothing that it reads can run a
 * script, so it needs no list of names, no stack of the objects that it is in, and no key for each value.
 *
 * parse_plain() reads texts of ASCII characters without escapes, whose only numbers are integers of up to nine digits. It
 * makes each value where it stands, without a token. It leaves all other texts to the engine, also those that are not
 * JSON. The engine would accept numbers and escapes of JavaScript that JSON lacks.
 *
 * src/changes/builtins.ts inserts the calls.
 */
enum { MAX_PLAIN_DEPTH = 32, FIRST_PLAIN_SIZE = 480 }; /* a cycle is deeper */

/* Returns 1 if one of eight characters is not written as it is: a control character, a quote or a backslash. */
static int has_quoted(uint64_t eight) {
  const uint64_t ones = 0x0101010101010101, quotes = eight ^ ones * '"', backslashes = eight ^ ones * '\\';
  return (((eight - ones * 0x20) & ~eight) | ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes)) >> 7 & ones ? 1 : 0;
}

static void put_quoted(JSContext *ctx, StringBuffer *to, const JSString *s) {
  if (!to->is_wide_char && !s->is_wide_char) {
    if (to->len + (int)s->len + 2 > to->size && string_buffer_realloc(to, to->len + (int)s->len + 2, 0)) return;
    uint8_t *out = to->str->u.str8 + to->len;
    uint32_t i = 0;
    *out++ = '"';
    for (; i + 8 <= s->len && !has_quoted(get_u64(s->u.str8 + i)); i += 8, out += 8) memcpy(out, s->u.str8 + i, 8);
    for (; i < s->len; i++) {
      uint8_t c = s->u.str8[i];
      if (c < 0x20 || c == '"' || c == '\\') break;
      *out++ = c;
    }
    if (i == s->len) {
      *out = '"';
      to->len += (int)s->len + 2;
      return;
    }
  }
  string_buffer_concat_value_free(to, JS_ToQuotedString(ctx, JS_MKPTR(JS_TAG_STRING, (void *)s)));
}

static int put_plain(JSContext *ctx, StringBuffer *to, JSValueConst value, int depth);

static int put_plain_array(JSContext *ctx, StringBuffer *to, const JSObject *p, int depth) {
  uint32_t count = p->u.array.count;
  int is_dense = p->fast_array && p->shape->prop_count == 1 && JS_VALUE_GET_TAG(p->prop[0].u.value) == JS_TAG_INT &&
                 (uint32_t)JS_VALUE_GET_INT(p->prop[0].u.value) == count;
  if (!is_dense || p->shape->proto != JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_ARRAY])) return 0;
  string_buffer_putc8(to, '[');
  for (uint32_t i = 0; i < count; i++) {
    JSValueConst item = p->u.array.u.values[i];
    if (i > 0) string_buffer_putc8(to, ',');
    if (!put_plain(ctx, to, JS_IsUndefined(item) ? JS_NULL : item, depth - 1)) return 0;
  }
  string_buffer_putc8(to, ']');
  return 1;
}

static int put_plain_object(JSContext *ctx, StringBuffer *to, const JSObject *p, int depth) {
  const JSShapeProperty *own = get_shape_prop(p->shape);
  int separator = '{';
  uint32_t index;
  for (int i = 0; i < p->shape->prop_count; i++, own++) {
    if (own->atom == JS_ATOM_NULL) continue;
    if (own->atom == JS_ATOM_toJSON || own->flags & JS_PROP_TMASK || JS_AtomIsArrayIndex(ctx, &index, own->atom)) return 0;
    const JSAtomStruct *name = ctx->rt->atom_array[own->atom];
    JSValueConst member = p->prop[i].u.value;
    if (name->atom_type != JS_ATOM_TYPE_STRING) return 0;
    if (!(own->flags & JS_PROP_ENUMERABLE) || JS_IsUndefined(member)) continue;
    string_buffer_putc8(to, (uint32_t)separator);
    separator = ',';
    put_quoted(ctx, to, name);
    string_buffer_putc8(to, ':');
    if (!put_plain(ctx, to, member, depth - 1)) return 0;
  }
  if (separator == '{') string_buffer_putc8(to, '{');
  string_buffer_putc8(to, '}');
  return 1;
}

/* Returns 0 when the value is not plain. */
static int put_plain(JSContext *ctx, StringBuffer *to, JSValueConst value, int depth) {
  JSObject *p;
  switch (JS_VALUE_GET_NORM_TAG(value)) {
  case JS_TAG_STRING:
    put_quoted(ctx, to, JS_VALUE_GET_STRING(value));
    return 1;
  case JS_TAG_FLOAT64:
    if (!isfinite(JS_VALUE_GET_FLOAT64(value))) value = JS_NULL;
    /* fallthrough */
  case JS_TAG_INT:
  case JS_TAG_BOOL:
  case JS_TAG_NULL:
    string_buffer_concat_value(to, value);
    return 1;
  case JS_TAG_OBJECT:
    p = JS_VALUE_GET_OBJ(value);
    if (depth == 0) return 0;
    if (p->class_id == JS_CLASS_ARRAY) return put_plain_array(ctx, to, p, depth);
    return plain_object(ctx, value) && put_plain_object(ctx, to, p, depth);
  default:
    return 0;
  }
}

/* Returns undefined when the value is not plain. */
static JSValue plain_json(JSContext *ctx, JSValueConst value) {
  const JSObject *object = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]);
  const JSObject *array = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_ARRAY]);
  StringBuffer to;
  if (object->shape->proto || array->shape->proto != object || find_own_property1((JSObject *)object, JS_ATOM_toJSON) ||
      find_own_property1((JSObject *)array, JS_ATOM_toJSON) || string_buffer_init(ctx, &to, FIRST_PLAIN_SIZE))
    return JS_UNDEFINED;
  if (put_plain(ctx, &to, value, MAX_PLAIN_DEPTH)) return string_buffer_end(&to);
  string_buffer_free(&to);
  return JS_UNDEFINED;
}

/* A text and the next character in it. The byte behind its end is 0. */
struct plain_text {
  const uint8_t *at, *end;
};

static int next_plain(struct plain_text *text) {
  while (*text->at == ' ' || *text->at == '\n' || *text->at == '\t' || *text->at == '\r') text->at++;
  return *text->at;
}

/* The length of the string that begins behind the next quote, or -1. */
static int next_plain_string(struct plain_text *text) {
  if (next_plain(text) != '"') return -1;
  return plain_json_length(++text->at, text->end);
}

static JSValue parse_plain_value(JSContext *ctx, struct plain_text *text, int depth);

/* Sets a property of an object that has plain ones only. The last of two equal names wins. */
static int set_plain_member(JSContext *ctx, JSObject *to, JSAtom name, JSValue value) {
  JSProperty *property;
  if (find_own_property(&property, to, name)) {
    set_value(ctx, &property->u.value, value);
    return 1;
  }
  property = add_property(ctx, to, name, JS_PROP_C_W_E);
  if (property) property->u.value = value;
  else JS_FreeValue(ctx, value);
  return property ? 1 : -1;
}

/* Fills the array or object `to`. Returns 0 if the engine must do it. */
static int parse_plain_members(JSContext *ctx, struct plain_text *text, JSObject *to, int close, int depth) {
  text->at++;
  if (next_plain(text) == close) return text->at++, 1;
  for (;; text->at++) {
    JSAtom name = JS_ATOM_NULL;
    if (close == '}') {
      int length = next_plain_string(text);
      if (length < 0 || !(name = JS_NewAtomLen(ctx, (const char *)text->at, (size_t)length))) return 0;
      text->at += length + 1;
    }
    int is_value = close == ']' || (next_plain(text) == ':' && text->at++);
    JSValue value = is_value ? parse_plain_value(ctx, text, depth - 1) : JS_UNDEFINED;
    int added = JS_IsUndefined(value) ? -1
                : close == ']'        ? add_fast_array_element(ctx, to, value, 0)
                                      : set_plain_member(ctx, to, name, value);
    JS_FreeAtom(ctx, name);
    if (added < 0) return 0;
    int next = next_plain(text);
    if (next == close) return text->at++, 1;
    if (next != ',') return 0;
  }
}

/* Returns undefined if the engine must do it. */
static JSValue parse_plain_number(struct plain_text *text) {
  enum { DIGITS = 9 };
  int is_negative = *text->at == '-', number = 0;
  const uint8_t *first = text->at + is_negative, *at = first;
  while (*at >= '0' && *at <= '9' && at - first < DIGITS) number = 10 * number + *at++ - '0';
  int is_short = at > first && !(*at >= '0' && *at <= '9') && *at != '.' && (*at | 0x20) != 'e';
  if (!is_short || (*first == '0' && (at - first > 1 || is_negative))) return JS_UNDEFINED;
  text->at = at;
  return JS_MKVAL(JS_TAG_INT, is_negative ? -number : number);
}

static int is_plain_word(struct plain_text *text, const char *word, int length) {
  if (text->end - text->at < length || memcmp(text->at, word, (size_t)length)) return 0;
  text->at += length;
  return 1;
}

/* Returns undefined if the engine must do it. */
static JSValue parse_plain_value(JSContext *ctx, struct plain_text *text, int depth) {
  JSValue value;
  int length;
  switch (next_plain(text)) {
  case '"':
    if ((length = next_plain_string(text)) < 0) return JS_UNDEFINED;
    value = js_new_string8_len(ctx, (const char *)text->at, length);
    text->at += length + 1;
    return JS_IsException(value) ? JS_UNDEFINED : value;
  case '{':
  case '[':
    if (depth == 0) return JS_UNDEFINED;
    value = *text->at == '{' ? JS_NewObject(ctx) : JS_NewArray(ctx);
    if (JS_IsException(value)) return JS_UNDEFINED;
    if (parse_plain_members(ctx, text, JS_VALUE_GET_OBJ(value), *text->at + 2, depth)) return value; /* '[' ']', '{' '}' */
    JS_FreeValue(ctx, value);
    return JS_UNDEFINED;
  case 't':
    return is_plain_word(text, "true", 4) ? JS_TRUE : JS_UNDEFINED;
  case 'f':
    return is_plain_word(text, "false", 5) ? JS_FALSE : JS_UNDEFINED;
  case 'n':
    return is_plain_word(text, "null", 4) ? JS_NULL : JS_UNDEFINED;
  default:
    return parse_plain_number(text);
  }
}

/* Returns the first character that is not a digit. */
static const uint8_t *behind_digits(const uint8_t *at) {
  while (*at >= '0' && *at <= '9') at++;
  return at;
}

/* For the engine's parser, which reads -01 and 1. as numbers (RFC 8259, section 6). */
static int is_json_number(const uint8_t *at) {
  const uint8_t *first = at + (*at == '-'), *end = behind_digits(first);
  if (end == first || (*first == '0' && end - first > 1)) return 0;
  if (*end == '.') {
    first = end + 1;
    if ((end = behind_digits(first)) == first) return 0;
  }
  if ((*end | 0x20) == 'e') {
    first = end + 1 + (end[1] == '+' || end[1] == '-');
    if (behind_digits(first) == first) return 0;
  }
  return 1;
}

/* For the same, which reads \x41, \u{41} and \a: returns 1 if JSON has the escape whose backslash is before `at` (section 7). */
static int is_json_escape(const uint8_t *at) {
  if (*at != 'u') return *at && strchr("\"\\/bfnrt", *at) != NULL;
  for (int i = 1; i <= 4; i++)
    if (from_hex(at[i]) < 0) return 0;
  return 1;
}

/* Returns undefined if the engine must do it. */
static JSValue parse_plain(JSContext *ctx, JSValueConst text) {
  if (JS_VALUE_GET_TAG(text) != JS_TAG_STRING || JS_VALUE_GET_STRING(text)->is_wide_char) return JS_UNDEFINED;
  const JSString *s = JS_VALUE_GET_STRING(text);
  struct plain_text rest = {s->u.str8, s->u.str8 + s->len};
  JSValue value = parse_plain_value(ctx, &rest, MAX_PLAIN_DEPTH);
  next_plain(&rest);
  if (rest.at == rest.end) return value;
  JS_FreeValue(ctx, value);
  return JS_UNDEFINED;
}
