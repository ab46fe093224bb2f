/*
 * writeAddress() of @cnikit/ip, which interpreted takes a quarter of an ADD's instructions. src/engine-changes.ts
 * appends this file to quickjs.c: it reads strings without copying them.
 */
int JS_AddWriteAddress(JSContext *ctx, JSValueConst global);

struct address {
  const JSString *text;
  int at, end, size;
  uint8_t bytes[16];
};

/* Returns the character at the position, or -1 at the end. */
static int peek(const struct address *a) { return a->at < a->end ? string_get(a->text, a->at) : -1; }

/* Reads four decimal numbers without leading zeros up to the end. Returns 0 when the text is something else. */
static int read_ipv4(struct address *a) {
  for (int octet = 0; octet < 4; octet++) {
    int value = 0, start = a->at;
    for (int c; (c = peek(a)) >= '0' && c <= '9'; a->at++) {
      if (a->at > start && value == 0) return 0;
      value = value * 10 + c - '0';
      if (value > 255) return 0;
    }
    if (a->at == start || (octet < 3 && peek(a) != '.')) return 0;
    if (octet < 3) a->at++;
    a->bytes[a->size++] = (uint8_t)value;
  }
  return a->at == a->end;
}

/* Reads an address as RFC 4291 section 2.2 has it. */
static int read_ipv6(struct address *a) {
  int gap = -1;
  if (peek(a) == ':') {
    a->at++;
    if (peek(a) != ':') return 0;
    a->at++;
    gap = 0;
  }
  while (a->at < a->end) {
    int start = a->at, value = 0;
    for (int digit; a->at - start < 5 && (digit = from_hex(peek(a))) >= 0; a->at++) value = value << 4 | digit;
    if (peek(a) == '.') {
      a->at = start;
      if (a->size > 12 || !read_ipv4(a)) return 0;
      break;
    }
    if (a->at == start || a->at - start > 4 || a->size > 14) return 0;
    a->bytes[a->size++] = (uint8_t)(value >> 8);
    a->bytes[a->size++] = (uint8_t)value;
    if (a->at == a->end) break;
    if (peek(a) != ':') return 0;
    a->at++;
    if (a->at == a->end) return 0;
    if (peek(a) == ':') {
      if (gap >= 0) return 0;
      gap = a->size;
      a->at++;
    }
  }
  if (gap < 0) return a->size == 16;
  if (a->size > 14) return 0; /* "::" stands for at least one group */
  int behind = a->size - gap;
  memmove(a->bytes + 16 - behind, a->bytes + gap, behind);
  memset(a->bytes + gap, 0, 16 - a->size);
  a->size = 16;
  return 1;
}

/* (text, from, to, into, at): the number of bytes written, 0 when the text is not an address. */
static JSValue write_address(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  int from, to, at, is_ipv6 = 0;
  (void)this, (void)argc;
  if (JS_ToInt32(ctx, &from, argv[1]) || JS_ToInt32(ctx, &to, argv[2]) || JS_ToInt32(ctx, &at, argv[4])) return JS_EXCEPTION;
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  struct address a = {.text = JS_VALUE_GET_STRING(text), .at = from, .end = to};
  int size = 0;
  if (from >= 0 && to <= a.text->len) {
    for (int i = from; i < to && i < from + 5; i++) is_ipv6 |= string_get(a.text, i) == ':';
    if (is_ipv6 ? read_ipv6(&a) : read_ipv4(&a)) size = a.size;
  }
  JS_FreeValue(ctx, text);
  if (size == 0) return JS_NewInt32(ctx, 0);
  JSObject *into = JS_VALUE_GET_TAG(argv[3]) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(argv[3]) : NULL;
  if (!into || into->class_id != JS_CLASS_UINT8_ARRAY) return JS_ThrowTypeError(ctx, "Expected a Uint8Array");
  if (at < 0 || (int64_t)at + size > into->u.array.count) return JS_ThrowRangeError(ctx, "No room for an address");
  memcpy(into->u.array.u.uint8_ptr + at, a.bytes, size);
  return JS_NewInt32(ctx, size);
}

/* Defines __cnikit_write_address. */
int JS_AddWriteAddress(JSContext *ctx, JSValueConst global) {
  static const char name[] = "__cnikit_write_address";
  return JS_SetPropertyStr(ctx, global, name, JS_NewCFunction(ctx, write_address, name, 5));
}
