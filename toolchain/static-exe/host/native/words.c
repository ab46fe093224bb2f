/* Addresses as arrays of unsigned 32-bit words: packages/ipam/src/words.ts. */

/* Returns the number of words, 1 or 4, or 0 with an exception. */
static int words_of(JSContext *ctx, uint32_t words[4], JSValueConst array) {
  JSValue *values;
  uint32_t count;
  if (!js_get_fast_array(ctx, array, &values, &count) || (count != 1 && count != 4)) {
    JS_ThrowTypeError(ctx, "Expected an address of 1 or 4 words");
    return 0;
  }
  for (uint32_t i = 0; i < count; i++)
    if (JS_ToUint32(ctx, &words[i], values[i])) return 0;
  return (int)count;
}

static JSValue array_of_words(JSContext *ctx, const uint32_t *words, int count) {
  JSValue array = JS_NewArray(ctx);
  for (int i = 0; i < count && !JS_IsException(array); i++) {
    if (JS_DefinePropertyValueUint32(ctx, array, (uint32_t)i, JS_NewUint32(ctx, words[i]), JS_PROP_C_W_E) >= 0) continue;
    JS_FreeValue(ctx, array);
    array = JS_EXCEPTION;
  }
  return array;
}

static JSValue array_of_bytes(JSContext *ctx, const uint8_t *bytes, int size) {
  uint32_t words[4];
  for (int i = 0; i < size / 4; i++)
    words[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 | (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
  return array_of_words(ctx, words, size / 4);
}

/* (bytes, length): the words of the first 4 or 16 bytes. */
static JSValue read_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  int length;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &length, argv[1])) return JS_EXCEPTION;
  if ((length != 4 && length != 16) || length > b.count) return JS_ThrowTypeError(ctx, "Expected an address of 4 or 16 bytes");
  return array_of_bytes(ctx, b.data, length);
}

/* (text): the words of an address, those of IPv4 for a mapped one, or undefined. */
static JSValue parse_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  uint8_t bytes[16];
  (void)this, (void)argc;
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  const JSString *s = JS_VALUE_GET_STRING(text);
  int size = parse_address(s, 0, (int)s->len, bytes);
  JS_FreeValue(ctx, text);
  if (size == 0) return JS_UNDEFINED;
  int skip = size == 16 && memcmp(bytes, mapped, sizeof mapped) == 0 ? 12 : 0;
  return array_of_bytes(ctx, bytes + skip, size - skip);
}

/* (words): the text. */
static JSValue format_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  uint32_t words[4];
  uint8_t bytes[16];
  char text[48];
  (void)this, (void)argc;
  int count = words_of(ctx, words, argv[0]);
  if (count == 0) return JS_EXCEPTION;
  for (int i = 0; i < 4 * count; i++) bytes[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
  char *end = count == 1 ? put_ipv4(text, bytes) : put_ipv6(text, bytes);
  return js_new_string8_len(ctx, text, (int)(end - text));
}

/* (a, b): -1, 0 or 1. */
static JSValue compare_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  uint32_t a[4], b[4];
  (void)this, (void)argc;
  int a_count = words_of(ctx, a, argv[0]), b_count = a_count ? words_of(ctx, b, argv[1]) : 0;
  if (b_count == 0) return JS_EXCEPTION;
  if (a_count != b_count) return JS_NewInt32(ctx, a_count < b_count ? -1 : 1);
  int i = 0;
  while (i < a_count && a[i] == b[i]) i++;
  return JS_NewInt32(ctx, i == a_count ? 0 : a[i] < b[i] ? -1 : 1);
}

/* (words, step): the next address for 1, the previous one for -1. */
static JSValue words_beside(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  uint32_t words[4];
  int step;
  (void)this, (void)argc;
  int count = words_of(ctx, words, argv[0]);
  if (count == 0 || int_of(ctx, &step, argv[1])) return JS_EXCEPTION;
  uint32_t wrapped = step < 0 ? UINT32_MAX : 0;
  for (int i = count - 1; i >= 0; i--) {
    words[i] += (uint32_t)step;
    if (words[i] != wrapped) break;
  }
  return array_of_words(ctx, words, count);
}

/* (words, prefix, bits): the address with all host bits clear or set. */
static JSValue with_host_bits(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  uint32_t words[4];
  int prefix;
  (void)this, (void)argc;
  int count = words_of(ctx, words, argv[0]);
  if (count == 0 || int_of(ctx, &prefix, argv[1])) return JS_EXCEPTION;
  for (int i = 0; i < count; i++) {
    int bits = prefix - 32 * i;
    uint32_t host = bits <= 0 ? UINT32_MAX : bits >= 32 ? 0 : UINT32_MAX >> bits;
    words[i] = JS_ToBool(ctx, argv[2]) ? words[i] | host : words[i] & ~host;
  }
  return array_of_words(ctx, words, count);
}
