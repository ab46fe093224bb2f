/* Netlink messages and attributes: packages/netlink/src/codec/native.ts. */

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

/* (bytes, start, end, path): the position of an attribute, or -1 if there is none before an invalid one. */
static JSValue find_attribute(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  struct bytes b;
  int start, last, type;
  (void)this, (void)argc;
  if (bytes_of(ctx, &b, argv[0]) || int_of(ctx, &start, argv[1]) || int_of(ctx, &last, argv[2])) return JS_EXCEPTION;
  const JSObject *path = list_of(ctx, argv[3]);
  if (!path) return JS_EXCEPTION;
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
