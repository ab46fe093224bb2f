/* IP addresses from and to text: packages/ip/src/text.ts. */

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

/* Writes the address text[from, to). Returns the number of bytes, 0 when the text is not an address. */
static int parse_address(const JSString *text, int from, int to, uint8_t bytes[16]) {
  struct address a = {.text = text, .at = from, .end = to};
  int is_ipv6 = 0;
  if (from < 0 || to > (int)text->len) return 0;
  for (int i = from; i < to && i < from + 5; i++) is_ipv6 |= string_get(text, i) == ':';
  if (!(is_ipv6 ? read_ipv6(&a) : read_ipv4(&a))) return 0;
  memcpy(bytes, a.bytes, (size_t)a.size);
  return a.size;
}

/* Reads one to three digits up to the end. Returns -1 when the text is something else. */
static int parse_length(const JSString *text, int from, int leading_zeros) {
  int digits = (int)text->len - from, value = 0;
  if (digits < 1 || digits > 3 || (!leading_zeros && digits > 1 && string_get(text, from) == '0')) return -1;
  for (int i = from; i < (int)text->len; i++) {
    int c = string_get(text, i);
    if (c < '0' || c > '9') return -1;
    value = value * 10 + c - '0';
  }
  return value;
}

/* As parse_address(), for a prefix. */
static int parse_prefix(const JSString *text, int leading_zeros, uint8_t bytes[16], int *length) {
  int slash = 0;
  while (slash < (int)text->len && string_get(text, slash) != '/') slash++;
  int size = parse_address(text, 0, slash, bytes);
  *length = slash == (int)text->len ? size * 8 : parse_length(text, slash + 1, leading_zeros);
  return *length < 0 || *length > size * 8 ? 0 : size;
}

static char *put_decimal(char *to, int byte) {
  if (byte >= 100) *to++ = (char)('0' + byte / 100);
  if (byte >= 10) *to++ = (char)('0' + byte / 10 % 10);
  *to++ = (char)('0' + byte % 10);
  return to;
}

static char *put_ipv4(char *to, const uint8_t *bytes) {
  for (int i = 0; i < 4; i++) {
    if (i > 0) *to++ = '.';
    to = put_decimal(to, bytes[i]);
  }
  return to;
}

/* RFC 5952. */
static char *put_ipv6(char *to, const uint8_t *bytes) {
  int groups[8], run = -1, run_length = 1;
  for (int i = 0; i < 8; i++) groups[i] = bytes[2 * i] << 8 | bytes[2 * i + 1];
  for (int i = 0, end; i < 8; i = end + 1) {
    for (end = i; end < 8 && groups[end] == 0;) end++;
    if (end - i > run_length) run = i, run_length = end - i;
  }
  if (run == 0 && run_length == 5 && groups[5] == 0xffff) {
    memcpy(to, "::ffff:", 7);
    return put_ipv4(to + 7, bytes + 12);
  }
  for (int i = 0; i < 8; i++) {
    if (i == run) {
      *to++ = ':';
      *to++ = ':';
      i += run_length - 1;
      continue;
    }
    if (i > 0 && i != run + run_length) *to++ = ':';
    int shift = 12;
    while (shift > 0 && groups[i] >> shift == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[groups[i] >> shift & 15];
  }
  return to;
}

/* (text, from, to, into, at): the number of bytes written, 0 when the text is not an address. */
static JSValue write_address(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes into;
  uint8_t address[16];
  int from, to, at;
  (void)this, (void)argc;
  if (bytes_of(ctx, &into, argv[3]) || int_of(ctx, &from, argv[1]) || int_of(ctx, &to, argv[2]) || int_of(ctx, &at, argv[4]))
    return JS_EXCEPTION;
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  int size = parse_address(JS_VALUE_GET_STRING(text), from, to, address);
  JS_FreeValue(ctx, text);
  if (size && (at < 0 || (int64_t)at + size > into.count)) return JS_ThrowRangeError(ctx, "No room for an address");
  if (size) memcpy(into.data + at, address, (size_t)size);
  return JS_NewInt32(ctx, size);
}

/* (text, leadingZeros, into): the number of bytes of the address, 0 when the text is not a prefix. */
static JSValue write_prefix(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes into;
  int length;
  (void)this, (void)argc;
  if (bytes_of(ctx, &into, argv[2])) return JS_EXCEPTION;
  if (into.count < 17) return JS_ThrowRangeError(ctx, "No room for a prefix");
  JSValue text = JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  int size = parse_prefix(JS_VALUE_GET_STRING(text), JS_ToBool(ctx, argv[1]), into.data, &length);
  JS_FreeValue(ctx, text);
  into.data[16] = (uint8_t)length;
  return JS_NewInt32(ctx, size);
}

/* (bytes, start = 0, length = the rest). */
static JSValue format_address(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  char text[48];
  int start, length;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &start, argv[1])) return JS_EXCEPTION;
  length = (int)b.count - start;
  if (!JS_IsUndefined(argv[2]) && int_of(ctx, &length, argv[2])) return JS_EXCEPTION;
  if ((length != 4 && length != 16) || start < 0 || (int64_t)start + length > b.count)
    return JS_ThrowTypeError(ctx, "Expected an address of 4 or 16 bytes");
  char *end = length == 4 ? put_ipv4(text, b.data + start) : put_ipv6(text, b.data + start);
  return js_new_string8_len(ctx, text, (int)(end - text));
}
