/* Arguments of the functions that native.c lists, and numbers in byte arrays. */

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

/* Returns the array if its elements lie in memory one after the other, else NULL with an exception. */
static JSObject *list_of(JSContext *ctx, JSValueConst value) {
  JSObject *p = JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(value) : NULL;
  if (p && p->class_id == JS_CLASS_ARRAY && p->fast_array) return p;
  JS_ThrowTypeError(ctx, "Expected an array");
  return NULL;
}
