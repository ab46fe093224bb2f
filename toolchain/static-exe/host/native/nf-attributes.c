/* Bodies of nfnetlink requests: packages/netlink/src/netfilter/attributes.ts. */

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
