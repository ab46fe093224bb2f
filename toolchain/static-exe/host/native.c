/*
 * Pure functions of the packages in C, which take a quarter of an ADD's instructions when interpreted. Each does what the
 * function of the same name does in JavaScript. src/engine-changes.ts appends this file to quickjs.c: it reads strings and objects
 * without copying them.
 */
int JS_AddNative(JSContext *ctx, JSValueConst global);

struct bytes {
  uint8_t *data;
  int64_t count;
};

/* Returns -1 with an exception when the value is not a Uint8Array. */
static int bytes_of(JSContext *ctx, struct bytes *to, JSValueConst value) {
  JSObject *p = JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(value) : NULL;
  if (!p || p->class_id != JS_CLASS_UINT8_ARRAY) {
    JS_ThrowTypeError(ctx, "Expected a Uint8Array");
    return -1;
  }
  to->data = p->u.array.u.uint8_ptr;
  to->count = p->u.array.count;
  return 0;
}

static int int_of(JSContext *ctx, int32_t *to, JSValueConst value) {
  if (JS_VALUE_GET_TAG(value) != JS_TAG_INT) return JS_ToInt32(ctx, to, value);
  *to = JS_VALUE_GET_INT(value);
  return 0;
}

/* As in JavaScript, a byte outside is ignored, and 0 when read. */
static void put_byte(const struct bytes *b, int64_t at, uint32_t byte) {
  if (at >= 0 && at < b->count) b->data[at] = (uint8_t)byte;
}

static uint32_t byte_at(const struct bytes *b, int64_t at) { return at >= 0 && at < b->count ? b->data[at] : 0; }

static void put_number(const struct bytes *b, int64_t at, uint32_t value, int size, int little) {
  for (int i = 0; i < size; i++) put_byte(b, little ? at + i : at + size - 1 - i, value >> 8 * i);
}

static uint32_t number_at(const struct bytes *b, int64_t at, int size, int little) {
  uint32_t value = 0;
  for (int i = 0; i < size; i++) value |= byte_at(b, little ? at + i : at + size - 1 - i) << 8 * i;
  return value;
}

/* (bytes, at, value, little); `size` is the number of bytes. */
static JSValue write_number(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv, int size) {
  struct bytes b;
  int at, value;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &at, argv[1]) || int_of(ctx, &value, argv[2])) return JS_EXCEPTION;
  put_number(&b, at, (uint32_t)value, size, JS_ToBool(ctx, argv[3]));
  return JS_UNDEFINED;
}

/* (bytes, at, little). */
static JSValue read_number(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv, int size) {
  struct bytes b;
  int at;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &at, argv[1])) return JS_EXCEPTION;
  return JS_NewInt32(ctx, (int32_t)number_at(&b, at, size, JS_ToBool(ctx, argv[2])));
}

/* (bytes, at, length, type, little). */
static JSValue write_header(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  int at, length, type, little = JS_ToBool(ctx, argv[4]);
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &at, argv[1]) || int_of(ctx, &length, argv[2]) || int_of(ctx, &type, argv[3]))
    return JS_EXCEPTION;
  put_number(&b, at, (uint32_t)length, 2, little);
  put_number(&b, (int64_t)at + 2, (uint32_t)type, 2, little);
  for (int64_t pad = length; pad & 3; pad++) put_byte(&b, at + pad, 0);
  return JS_UNDEFINED;
}

struct header {
  int at, type, flags, sequence, port;
};

/* Writes a message. Returns the position after it, or -1 with an exception when there is no room. */
static int64_t put_message(JSContext *ctx, const struct bytes *into, const struct header *h, const struct bytes *body,
                           int little) {
  int64_t length = 16 + body->count;
  if (h->at < 0 || h->at + length > into->count) {
    JS_ThrowRangeError(ctx, "No room for a message");
    return -1;
  }
  put_number(into, h->at, (uint32_t)length, 4, little);
  put_number(into, h->at + 4, (uint32_t)h->type, 2, little);
  put_number(into, h->at + 6, (uint32_t)h->flags, 2, little);
  put_number(into, h->at + 8, (uint32_t)h->sequence, 4, little);
  put_number(into, h->at + 12, (uint32_t)h->port, 4, little);
  memmove(into->data + h->at + 16, body->data, (size_t)body->count);
  return h->at + ((length + 3) & ~(int64_t)3);
}

/* (into, at, type, flags, sequence, port, body, little): the position after the message. */
static JSValue write_message(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes into, body;
  struct header h;
  (void)this, (void)argc;
  if (bytes_of(ctx, &into, argv[0]) || bytes_of(ctx, &body, argv[6]) || int_of(ctx, &h.at, argv[1]) ||
      int_of(ctx, &h.type, argv[2]) || int_of(ctx, &h.flags, argv[3]) || int_of(ctx, &h.sequence, argv[4]) ||
      int_of(ctx, &h.port, argv[5]))
    return JS_EXCEPTION;
  int64_t end = put_message(ctx, &into, &h, &body, JS_ToBool(ctx, argv[7]));
  return end < 0 ? JS_EXCEPTION : JS_NewInt64(ctx, end);
}

/* Attributes of a message while they are written. */
struct attributes {
  uint8_t bytes[1024];
  int at;
};

/* As in packages/netlink/src/netfilter/attributes.ts. */
enum { COMMENT_TEXT = 0x10000, MAX_COMMENT = 128 };

/* Writes bytes and their padding. Returns 0 when there is no room. */
static int put_padded(struct attributes *a, const void *bytes, int64_t count) {
  int64_t end = a->at + ((count + 3) & ~(int64_t)3);
  if (end > (int64_t)sizeof a->bytes) return 0;
  memcpy(a->bytes + a->at, bytes, (size_t)count);
  memset(a->bytes + a->at + count, 0, (size_t)(end - a->at - count));
  a->at = (int)end;
  return 1;
}

/* Writes text and a NUL, after type and length if it is a comment. Returns 0 when JavaScript must write it. */
static int put_text(struct attributes *a, const JSString *s, int is_comment) {
  int length = (int)s->len, at = a->at + (is_comment ? 2 : 0);
  if (s->is_wide_char || length > (is_comment ? MAX_COMMENT : (int)sizeof a->bytes) || at + length + 4 > (int)sizeof a->bytes)
    return 0;
  if (is_comment) {
    a->bytes[a->at] = 0;
    a->bytes[a->at + 1] = (uint8_t)(length + 1);
  }
  for (int i = 0; i < length; i++)
    if (s->u.str8[i] - 1u >= 0x7f) return 0;
  memcpy(a->bytes + at, s->u.str8, (size_t)length);
  memset(a->bytes + at + length, 0, 4);
  a->at = at + length + 1;
  return 1;
}

/* Writes [type, value, type, value, ...]. Returns 0 when JavaScript must write it. */
static int put_attributes(JSContext *ctx, struct attributes *a, JSValueConst list, int depth) {
  JSObject *p = JS_VALUE_GET_TAG(list) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(list) : NULL;
  if (!p || p->class_id != JS_CLASS_ARRAY || !p->fast_array || p->u.array.count % 2 || depth == 0) return 0;
  for (uint32_t i = 0; i < p->u.array.count; i += 2) {
    JSValueConst key = p->u.array.u.values[i], value = p->u.array.u.values[i + 1];
    int tag = JS_VALUE_GET_TAG(value), start = a->at, flags = 0;
    if (tag == JS_TAG_NULL) continue;
    if (JS_VALUE_GET_TAG(key) != JS_TAG_INT || start + 12 > (int)sizeof a->bytes) return 0;
    int type = JS_VALUE_GET_INT(key);
    struct bytes b;
    double number;
    if (type) a->at += 4;
    int value_at = a->at, end;
    switch (tag) {
      case JS_TAG_STRING:
        if (!type || !put_text(a, JS_VALUE_GET_STRING(value), type & COMMENT_TEXT)) return 0;
        break;
      case JS_TAG_INT:
      case JS_TAG_FLOAT64:
        number = tag == JS_TAG_INT ? JS_VALUE_GET_INT(value) : JS_VALUE_GET_FLOAT64(value);
        if (!type || !(number >= 0 && number <= UINT32_MAX) || number != (uint32_t)number) return 0;
        b = (struct bytes){a->bytes, sizeof a->bytes};
        put_number(&b, a->at, (uint32_t)number, 4, 0);
        a->at += 4;
        break;
      case JS_TAG_OBJECT:
        if (JS_VALUE_GET_OBJ(value)->class_id == JS_CLASS_UINT8_ARRAY) {
          bytes_of(ctx, &b, value);
          if (!put_padded(a, b.data, b.count)) return 0;
          a->at = value_at + (int)b.count;
        } else if (!type || !put_attributes(ctx, a, value, depth - 1)) {
          return 0;
        } else {
          flags = 0x8000;
        }
        break;
      default:
        return 0;
    }
    end = a->at;
    a->at = (end + 3) & ~3;
    if (type) {
      b = (struct bytes){a->bytes, sizeof a->bytes};
      put_number(&b, start, (uint32_t)(end - start), 2, 1);
      put_number(&b, start + 2, (uint32_t)type | (uint32_t)flags, 2, 1);
    }
  }
  return 1;
}

static JSValue new_bytes(JSContext *ctx, const uint8_t *bytes, int count) {
  JSValue array = js_create_from_ctor(ctx, JS_UNDEFINED, JS_CLASS_UINT8_ARRAY);
  if (JS_IsException(array)) return array;
  JSValue buffer = JS_NewArrayBufferCopy(ctx, bytes, (size_t)count);
  if (!JS_IsException(buffer) && !typed_array_init(ctx, array, buffer, 0, (uint64_t)count)) return array;
  JS_FreeValue(ctx, array);
  return JS_EXCEPTION;
}

/* (head, attributes): the bytes, or undefined when JavaScript must encode them. */
static JSValue encode_attributes(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  enum { MAX_DEPTH = 8 };
  struct attributes a;
  struct bytes b = {a.bytes, sizeof a.bytes};
  int head;
  (void)this, (void)argc;
  if (int_of(ctx, &head, argv[0])) return JS_EXCEPTION;
  put_number(&b, 0, (uint32_t)head, 4, 0);
  a.at = 4;
  if (!put_attributes(ctx, &a, argv[1], MAX_DEPTH)) return JS_UNDEFINED;
  return new_bytes(ctx, a.bytes, a.at);
}

/* (bytes, start, end, path): the position of an attribute, or -1 if there is none before an invalid one. */
static JSValue find_attribute(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  int start, last, type;
  JSObject *path = JS_VALUE_GET_TAG(argv[3]) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(argv[3]) : NULL;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &start, argv[1]) || int_of(ctx, &last, argv[2])) return JS_EXCEPTION;
  if (!path || path->class_id != JS_CLASS_ARRAY || !path->fast_array) return JS_ThrowTypeError(ctx, "Expected an array");
  int64_t found = -1, at = start, end = last;
  for (uint32_t i = 0; i < path->u.array.count; i++) {
    if (int_of(ctx, &type, path->u.array.u.values[i])) return JS_EXCEPTION;
    for (found = -1; found < 0 && end - at >= 4;) {
      int length = (int)number_at(&b, at, 2, 1);
      if (length < 4 || length > end - at) break;
      if ((number_at(&b, at + 2, 2, 1) & 0x3fff) == (uint32_t)type) {
        found = at;
        end = at + length;
        at += 4;
      } else {
        at += (length + 3) & ~3;
      }
    }
    if (found < 0) break;
  }
  return JS_NewInt32(ctx, (int32_t)found);
}

/* (bytes, length, sequence, port): the type of the message that is the whole datagram, or -1. */
static JSValue answer_type(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  int length, sequence, port;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &length, argv[1]) || int_of(ctx, &sequence, argv[2]) ||
      int_of(ctx, &port, argv[3]))
    return JS_EXCEPTION;
  int is_answer = length >= 16 && length <= b.count && number_at(&b, 0, 4, 1) == (uint32_t)length &&
                  number_at(&b, 8, 4, 1) == (uint32_t)sequence && number_at(&b, 12, 4, 1) == (uint32_t)port;
  return JS_NewInt32(ctx, is_answer ? (int)number_at(&b, 4, 2, 1) : -1);
}

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

/* Returns the object if all its properties are visible in its shape, else NULL. */
static JSObject *plain_object(JSContext *ctx, JSValueConst value) {
  JSObject *p = JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(value) : NULL;
  if (!p || p->class_id != JS_CLASS_OBJECT || p->is_exotic) return NULL;
  JSObject *proto = p->shape->proto;
  return !proto || proto == JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]) ? p : NULL;
}

static int lower(int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

/* Returns 1 if the table may have another spelling of the key. Its own keys are ASCII. */
static int has_other_spelling(JSRuntime *rt, JSObject *table, JSAtom key) {
  if (__JS_AtomIsTaggedInt(key)) return 0;
  const JSString *s = rt->atom_array[key];
  if (s->is_wide_char) return 1;
  for (int i = 0; i < table->shape->prop_count; i++) {
    JSAtom other = get_shape_prop(table->shape)[i].atom;
    if (other == JS_ATOM_NULL || __JS_AtomIsTaggedInt(other)) continue;
    const JSString *known = rt->atom_array[other];
    if (known->is_wide_char) return 1;
    if (known->len != s->len) continue;
    uint32_t at = 0;
    while (at < s->len && lower(s->u.str8[at]) == lower(known->u.str8[at])) at++;
    if (at == s->len) return 1;
  }
  return 0;
}

/* Returns 0 if JavaScript must look at the value. */
static int is_normal(JSContext *ctx, JSValueConst value, JSValueConst table, int depth) {
  JSObject *p, *t = plain_object(ctx, table);
  if (JS_VALUE_GET_TAG(value) != JS_TAG_OBJECT) return 1;
  if (!t || depth == 0) return 0;
  p = JS_VALUE_GET_OBJ(value);
  if (p->class_id == JS_CLASS_ARRAY && p->fast_array) {
    for (uint32_t i = 0; i < p->u.array.count; i++)
      if (!is_normal(ctx, p->u.array.u.values[i], table, depth - 1)) return 0;
    return 1;
  }
  if (!plain_object(ctx, value)) return 0;
  for (int i = 0; i < p->shape->prop_count; i++) {
    JSShapeProperty *own = &get_shape_prop(p->shape)[i];
    JSProperty *entry;
    if (own->atom == JS_ATOM_NULL) continue;
    if (own->flags != JS_PROP_C_W_E || JS_AtomGetKind(ctx, own->atom) != JS_ATOM_KIND_STRING) return 0;
    if (!find_own_property(&entry, t, own->atom)) {
      if (has_other_spelling(ctx->rt, t, own->atom)) return 0;
      continue;
    }
    JSValueConst item = p->prop[i].u.value;
    if (JS_IsNull(item) && !JS_IsString(entry->u.value)) return 0;
    if (JS_IsObject(entry->u.value) && !is_normal(ctx, item, entry->u.value, depth - 1)) return 0;
  }
  return 1;
}

/* (value, table). */
static JSValue has_normal_keys(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  enum { MAX_DEPTH = 8 };
  (void)this, (void)argc;
  return JS_NewBool(ctx, is_normal(ctx, argv[0], argv[1], MAX_DEPTH));
}

/* (value, table). */
static JSValue lacks_keys(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  (void)this, (void)argc;
  const JSObject *p = plain_object(ctx, argv[0]);
  JSObject *t = plain_object(ctx, argv[1]);
  int lacks = p && t;
  for (int i = 0; lacks && i < p->shape->prop_count; i++) {
    JSAtom key = get_shape_prop(p->shape)[i].atom;
    lacks = key == JS_ATOM_NULL || !(find_own_property1(t, key) || has_other_spelling(ctx->rt, t, key));
  }
  return JS_NewBool(ctx, lacks);
}

/* Kinds of values, as in packages/netlink/src/blank.ts. */
enum { NUMBER, BIT, MAC, ADDRESS, PREFIX, TEXT, EUI64, BROADCAST, BLANK_NUMBERS = 4 };

struct blank {
  int kind, size, again;
  int64_t start, at;
};

/* Writes the value of a blank for text. Returns 0 when it does not fit. `prefix` is the last prefix and its length. */
static int fill_text(const struct bytes *into, const struct blank *blank, const JSString *s, uint8_t prefix[17]) {
  uint8_t address[16], *from = address;
  int length;
  switch (blank->kind) {
    case MAC:
      if (parse_mac(s, address, 6) != 6 || blank->size != 6) return 0;
      break;
    case EUI64:
      if (parse_mac(s, address, 6) != 6 || blank->size != 8) return 0;
      memmove(address + 5, address + 3, 3);
      address[0] ^= 2;
      address[3] = 0xff;
      address[4] = 0xfe;
      break;
    case ADDRESS:
      if (parse_address(s, 0, (int)s->len, address) != blank->size) return 0;
      break;
    case PREFIX:
      if (parse_prefix(s, 0, prefix, &length) != blank->size) return 0;
      prefix[16] = (uint8_t)length;
      from = prefix;
      break;
    case BROADCAST:
      if (prefix[16] > 30 || blank->size != 4) return 0;
      for (int i = 0; i < 4; i++) address[i] = (uint8_t)(prefix[i] | (0xffffffffu >> prefix[16]) >> (24 - 8 * i));
      break;
    default:
      if (s->len != (uint32_t)blank->size) return 0;
      for (int i = 0; i < blank->size; i++)
        if (string_get(s, i) - 1u >= 0x7f) return 0;
      for (int i = 0; i < blank->size; i++) put_byte(into, blank->at + i, (uint32_t)string_get(s, i));
      return 1;
  }
  for (int i = 0; i < blank->size; i++) put_byte(into, blank->at + i, from[i]);
  if (blank->kind == PREFIX) put_byte(into, blank->start + 1, prefix[16]);
  return 1;
}

/* Returns 1 when the value has been written, 0 when it does not fit, -1 with an exception. */
static int fill_blank(JSContext *ctx, const struct bytes *into, const struct blank *blank, JSValueConst value,
                      uint8_t prefix[17]) {
  int tag = JS_VALUE_GET_NORM_TAG(value), number = tag == JS_TAG_INT ? JS_VALUE_GET_INT(value) : 0;
  if (blank->kind == BIT) {
    uint32_t byte = byte_at(into, blank->at), mask = (uint32_t)blank->size;
    put_byte(into, blank->at, JS_ToBool(ctx, value) ? byte | mask : byte & ~mask);
    return 1;
  }
  if (blank->kind == NUMBER) {
    if (tag == JS_TAG_FLOAT64) {
      double real = JS_VALUE_GET_FLOAT64(value);
      if (real > 0 && real <= INT32_MAX && real == (int)real) number = (int)real;
    }
    if (number > 0) put_number(into, blank->at, (uint32_t)number, 4, 1);
    return number > 0;
  }
  if (!JS_IsString(value)) return 0;
  JSValue text = JS_ToString(ctx, value);
  if (JS_IsException(text)) return -1;
  int fits = fill_text(into, blank, JS_VALUE_GET_STRING(text), prefix);
  JS_FreeValue(ctx, text);
  return fits;
}

/* Returns the array if its elements lie in memory one after the other, else NULL with an exception. */
static JSObject *list_of(JSContext *ctx, JSValueConst value) {
  JSObject *p = JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(value) : NULL;
  if (p && p->class_id == JS_CLASS_ARRAY && p->fast_array) return p;
  JS_ThrowTypeError(ctx, "Expected an array");
  return NULL;
}

/*
 * Fills the blanks of a payload. Returns 1, 0 when a value does not fit, or -1 with an exception. No code of the program
 * runs in between: values are read from plain properties.
 */
static int fill_blanks(JSContext *ctx, const struct bytes *into, int64_t start, JSObject *keys, JSObject *blanks,
                       JSValueConst given) {
  uint8_t prefix[17] = {0};
  uint32_t count = keys->u.array.count;
  JSObject *values = plain_object(ctx, given);
  int fits = values && blanks->u.array.count >= count * BLANK_NUMBERS;
  for (uint32_t i = 0; i < count && fits > 0; i++) {
    const JSValue *numbers = blanks->u.array.u.values + i * BLANK_NUMBERS;
    int number[BLANK_NUMBERS];
    for (int n = 0; n < BLANK_NUMBERS; n++)
      if (int_of(ctx, &number[n], numbers[n])) return -1;
    struct blank blank = {number[0], number[1], number[3], start, start + number[2]};
    JSProperty *property;
    JSAtom key = JS_ValueToAtom(ctx, keys->u.array.u.values[i]);
    if (key == JS_ATOM_NULL) return -1;
    JSShapeProperty *own = find_own_property(&property, values, key);
    JS_FreeAtom(ctx, key);
    int is_plain = !own || !(own->flags & JS_PROP_TMASK);
    fits = is_plain ? fill_blank(ctx, into, &blank, own ? property->u.value : JS_UNDEFINED, prefix) : 0;
    if (fits > 0 && blank.again)
      for (int n = 0; n < blank.size; n++) put_byte(into, start + blank.again + n, byte_at(into, blank.at + n));
  }
  return fits;
}

/* (into, at, [type, flags, payload, keys, blanks], flags, sequence, port, values). */
static JSValue fill_message(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes into, payload;
  struct header h;
  int more;
  JSObject *form = list_of(ctx, argv[2]), *keys, *blanks;
  (void)this, (void)argc;
  if (!form) return JS_EXCEPTION;
  if (form->u.array.count < 5) return JS_ThrowTypeError(ctx, "Expected a form");
  const JSValue *parts = form->u.array.u.values;
  if (bytes_of(ctx, &into, argv[0]) || int_of(ctx, &h.at, argv[1]) || int_of(ctx, &h.type, parts[0]) ||
      int_of(ctx, &h.flags, parts[1]) || int_of(ctx, &more, argv[3]) || int_of(ctx, &h.sequence, argv[4]) ||
      int_of(ctx, &h.port, argv[5]) || bytes_of(ctx, &payload, parts[2]))
    return JS_EXCEPTION;
  if (!(keys = list_of(ctx, parts[3])) || !(blanks = list_of(ctx, parts[4]))) return JS_EXCEPTION;
  h.flags |= more;
  if (put_message(ctx, &into, &h, &payload, 1) < 0) return JS_EXCEPTION;
  int fits = fill_blanks(ctx, &into, (int64_t)h.at + 16, keys, blanks, argv[6]);
  return fits < 0 ? JS_EXCEPTION : JS_NewBool(ctx, fits);
}

/* Defines __cnikit_native. */
/* words.c. */
static JSValue read_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv);
static JSValue parse_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv);
static JSValue format_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv);
static JSValue compare_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv);
static JSValue words_beside(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv);
static JSValue with_host_bits(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv);

int JS_AddNative(JSContext *ctx, JSValueConst global) {
  static const JSCFunctionListEntry functions[] = {
      JS_CFUNC_MAGIC_DEF("writeU16", 4, write_number, 2),
      JS_CFUNC_MAGIC_DEF("writeU32", 4, write_number, 4),
      JS_CFUNC_MAGIC_DEF("readU16", 3, read_number, 2),
      JS_CFUNC_MAGIC_DEF("readI32", 3, read_number, 4),
      JS_CFUNC_DEF("writeHeader", 5, write_header),
      JS_CFUNC_DEF("writeMessage", 8, write_message),
      JS_CFUNC_DEF("encodeAttributes", 2, encode_attributes),
      JS_CFUNC_DEF("findAttribute", 4, find_attribute),
      JS_CFUNC_DEF("answerType", 4, answer_type),
      JS_CFUNC_DEF("plainLength", 1, plain_length),
      JS_CFUNC_DEF("writePlain", 3, write_plain),
      JS_CFUNC_DEF("readPlain", 3, read_plain),
      JS_CFUNC_DEF("writeMac", 3, write_mac),
      JS_CFUNC_DEF("formatMac", 3, format_mac),
      JS_CFUNC_DEF("writeAddress", 5, write_address),
      JS_CFUNC_DEF("writePrefix", 3, write_prefix),
      JS_CFUNC_DEF("formatAddress", 3, format_address),
      JS_CFUNC_DEF("fillMessage", 7, fill_message),
      JS_CFUNC_DEF("digest", 2, digest),
      JS_CFUNC_DEF("isIdentifier", 1, is_identifier),
      JS_CFUNC_DEF("hasNormalKeys", 2, has_normal_keys),
      JS_CFUNC_DEF("lacksKeys", 2, lacks_keys),
      JS_CFUNC_DEF("readWords", 2, read_words),
      JS_CFUNC_DEF("parseWords", 1, parse_words),
      JS_CFUNC_DEF("formatWords", 1, format_words),
      JS_CFUNC_DEF("compareWords", 2, compare_words),
      JS_CFUNC_DEF("wordsBeside", 2, words_beside),
      JS_CFUNC_DEF("withHostBits", 3, with_host_bits),
  };
  JSValue native = JS_NewObject(ctx);
  if (JS_IsException(native)) return -1;
  JS_SetPropertyFunctionList(ctx, native, functions, countof(functions));
  return JS_SetPropertyStr(ctx, global, "__cnikit_native", native);
}
