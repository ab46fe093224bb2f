/* MAC addresses: packages/netlink/src/codec/native.ts. */

enum { MAX_ADDR_LEN = 32 };

/* Returns the number of bytes, 0 when the text is not a MAC address of at most `room` bytes. */
static int parse_mac(const JSString *s, uint8_t *bytes, int room) {
  int count = (int)(s->len + 1) / 3;
  if (s->len % 3 != 2 || count > room) return 0;
  for (int i = 0; i < count; i++) {
    int high = from_hex(string_get(s, 3 * i)), low = from_hex(string_get(s, 3 * i + 1));
    if (high < 0 || low < 0 || (i > 0 && string_get(s, 3 * i - 1) != ':')) return 0;
    bytes[i] = (uint8_t)(high << 4 | low);
  }
  return count;
}

/* (text, into, at): the number of bytes written, 0 when the text is not a MAC address. */
static JSValue write_mac(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  uint8_t bytes[MAX_ADDR_LEN];
  int at;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[1]) || int_of(ctx, &at, argv[2])) return JS_EXCEPTION;
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  int count = parse_mac(JS_VALUE_GET_STRING(text), bytes, MAX_ADDR_LEN);
  JS_FreeValue(ctx, text);
  for (int i = 0; i < count; i++) put_byte(&b, (int64_t)at + i, bytes[i]);
  return JS_NewInt32(ctx, count);
}

/* (bytes, start, end). */
static JSValue format_mac(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  static const char hex[] = "0123456789abcdef";
  struct bytes b;
  StringBuffer text;
  int start, end;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &start, argv[1]) || int_of(ctx, &end, argv[2])) return JS_EXCEPTION;
  if (string_buffer_init(ctx, &text, end > start && end - start < 64 ? 3 * (end - start) - 1 : 0)) return JS_EXCEPTION;
  for (int64_t i = start; i < end; i++) {
    uint32_t byte = byte_at(&b, i);
    if (i > start) string_buffer_putc8(&text, ':');
    string_buffer_putc8(&text, (uint8_t)hex[byte >> 4]);
    string_buffer_putc8(&text, (uint8_t)hex[byte & 15]);
  }
  return string_buffer_end(&text);
}
