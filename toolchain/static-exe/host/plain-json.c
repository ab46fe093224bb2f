/*
 * JSON.stringify() of plain data: objects and arrays without toJSON(), accessors and numeric names. Nothing that it reads
 * can run a script, so it needs no list of names, no stack of the objects that it is in, and no key for each value.
 * src/engine-changes.ts appends this file to quickjs.c and calls it there.
 */
enum { MAX_PLAIN_DEPTH = 32, FIRST_PLAIN_SIZE = 480 }; /* a cycle is deeper */

static void put_quoted(JSContext *ctx, StringBuffer *to, const JSString *s) {
  if (!to->is_wide_char && !s->is_wide_char) {
    if (to->len + (int)s->len + 2 > to->size && string_buffer_realloc(to, to->len + (int)s->len + 2, 0)) return;
    uint8_t *out = to->str->u.str8 + to->len;
    uint32_t i = 0;
    *out++ = '"';
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
