/* Names that CNI allows: packages/cni-spec/src/native.ts and packages/ipam/src/native.ts. */

static int is_letter_or_digit(int c) {
  int letter = c | 0x20;
  return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9');
}

/* (text). */
static JSValue is_identifier(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  (void)this, (void)argc;
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  const JSString *s = JS_VALUE_GET_STRING(text);
  int i = 0, length = (int)s->len, valid = length > 0 && is_letter_or_digit(string_get(s, 0));
  while (valid && ++i < length) {
    int c = string_get(s, i);
    valid = is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
  }
  JS_FreeValue(ctx, text);
  return JS_NewBool(ctx, valid);
}
