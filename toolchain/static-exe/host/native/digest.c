/* Digests for names of links: packages/plugin/src/links/digest.ts. */

static uint32_t fnv1a(const JSString *s, uint32_t hash) {
  for (uint32_t i = 0; i < s->len; i++) {
    uint32_t unit = (uint32_t)string_get(s, (int)i);
    hash = (hash ^ (unit & 0xff)) * 0x01000193;
    hash = (hash ^ unit >> 8) * 0x01000193;
  }
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

/* (text, digits): at most 12 digits. */
static JSValue digest(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  char out[12];
  int digits;
  (void)this, (void)argc;
  if (int_of(ctx, &digits, argv[1])) return JS_EXCEPTION;
  if (digits < 0 || digits > (int)sizeof out) return JS_ThrowRangeError(ctx, "Expected at most 12 digits");
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  const JSString *s = JS_VALUE_GET_STRING(text);
  uint64_t hash = (uint64_t)fnv1a(s, 0x9747b28c) << 32 | fnv1a(s, 0x811c9dc5);
  for (int i = 0; i < digits; i++, hash >>= 5) out[i] = "0123456789abcdefghijklmnopqrstuv"[hash & 31];
  JS_FreeValue(ctx, text);
  return JS_NewStringLen(ctx, out, (size_t)digits);
}
