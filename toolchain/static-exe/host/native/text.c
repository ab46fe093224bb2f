/* ASCII text: packages/netlink/src/codec/native.ts. */

/* (text): its length if it has ASCII characters only and no NUL, else -1. */
static JSValue plain_length(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  (void)this, (void)argc;
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  const JSString *s = JS_VALUE_GET_STRING(text);
  int length = (int)s->len;
  for (int i = 0; i < (int)s->len && length >= 0; i++) {
    int c = string_get(s, i);
    if (c == 0 || c >= 0x80) length = -1;
  }
  JS_FreeValue(ctx, text);
  return JS_NewInt32(ctx, length);
}

/* (text, into, at): writes text that plain_length() accepts. */
static JSValue write_plain(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  int at;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[1]) || int_of(ctx, &at, argv[2])) return JS_EXCEPTION;
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  const JSString *s = JS_VALUE_GET_STRING(text);
  for (int i = 0; i < (int)s->len; i++) put_byte(&b, (int64_t)at + i, (uint32_t)string_get(s, i));
  JS_FreeValue(ctx, text);
  return JS_UNDEFINED;
}

/* (bytes, start, end): the ASCII text up to the first other byte or NUL. */
static JSValue read_plain(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  int start, end;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &start, argv[1]) || int_of(ctx, &end, argv[2])) return JS_EXCEPTION;
  int64_t at = start;
  while (at < end && byte_at(&b, at) - 1 < 0x7f) at++;
  return at == start ? JS_AtomToString(ctx, JS_ATOM_empty_string)
                     : js_new_string8_len(ctx, (const char *)b.data + start, (int)(at - start));
}
