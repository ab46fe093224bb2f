/* Templates of requests: packages/netlink/src/fill-message.ts. */

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
