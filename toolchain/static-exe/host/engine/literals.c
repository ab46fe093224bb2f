/*
 * Object literals of functions in the snapshot. The engine gives an object one property after the other, and finds or
 * makes a shape for each. The build makes the shape with the first properties of a literal, and writes its number into
 * the instruction that creates the object, which then has these properties from the start: no code of a script can see
 * the object before the literal ends. src/changes/literals.ts inserts the calls.
 */
int JS_MakeLiterals(JSContext *ctx);

enum { LITERAL_PROPERTIES = 32 };

/* Returns the number of values that an instruction takes from the stack. */
static int pops_of(const uint8_t *at, const JSOpCode *op) {
  if (op->fmt == OP_FMT_npop || op->fmt == OP_FMT_npop_u16) return op->n_pop + get_u16(at + 1);
  return op->fmt == OP_FMT_npopx ? op->n_pop + *at - OP_call0 : op->n_pop;
}

/* Returns the target of a jump, or -1. */
static int target_of(const uint8_t *code, int at) {
  switch (code[at]) {
  case OP_if_true8:
  case OP_if_false8:
  case OP_goto8:
    return at + 1 + (int8_t)code[at + 1];
  case OP_goto16:
    return at + 1 + (int16_t)get_u16(code + at + 1);
  case OP_if_true:
  case OP_if_false:
  case OP_goto:
    return at + 1 + (int)get_u32(code + at + 1);
  default:
    return -1;
  }
}

/* The depth of the stack at the target of a jump. */
struct jump {
  int target, depth;
};

/*
 * Lists the properties that the literal at `at` always gets first, in order, and returns their number. It follows the
 * depth of the stack above the object, and ends at any other instruction that takes the object from the stack, or is
 * not a simple one.
 */
static int properties_of(const JSFunctionBytecode *b, int at, JSAtom *names) {
  enum { JUMPS = 16 };
  struct jump jumps[JUMPS];
  const uint8_t *code = b->byte_code_buf;
  int count = 0, depth = 1, jump_count = 0;
  for (at += short_opcode_info(OP_object).size; at < b->byte_code_len && count < LITERAL_PROPERTIES;) {
    int opcode = code[at], target = target_of(code, at);
    const JSOpCode *op = &short_opcode_info(opcode);
    for (int i = 0; i < jump_count; i++)
      if (jumps[i].target == at) depth = jumps[i].depth;
    if (depth <= 0 || opcode == OP_catch || opcode == OP_gosub || opcode == OP_ret) break;
    int left = depth - pops_of(code + at, op);
    if (opcode == OP_define_field && depth == 2) {
      names[count++] = get_u32(code + at + 1);
      left = 0;
    } else if (left < 1) {
      break;
    }
    depth = left + op->n_push;
    if (target > at) {
      if (jump_count == JUMPS) break;
      jumps[jump_count++] = (struct jump){target, depth};
    }
    if (opcode == OP_goto || opcode == OP_goto8 || opcode == OP_goto16 || opcode == OP_throw || opcode == OP_throw_error) depth = 0;
    at += op->size;
  }
  return count;
}

/* Returns the shape of an object with these properties, or NULL without memory. */
static JSShape *shape_with(JSContext *ctx, const JSAtom *names, int count) {
  JSValue object = JS_NewObject(ctx);
  for (int i = 0; i < count && !JS_IsException(object); i++) {
    if (JS_DefinePropertyValue(ctx, object, names[i], JS_UNDEFINED, JS_PROP_C_W_E) >= 0) continue;
    JS_FreeValue(ctx, object);
    object = JS_EXCEPTION;
  }
  if (JS_IsException(object)) return NULL;
  JSShape *shape = js_dup_shape(JS_VALUE_GET_OBJ(object)->shape);
  JS_FreeValue(ctx, object);
  return shape;
}

/* Returns the number of the shape with these properties, or -1 without memory. */
static int literal_with(JSContext *ctx, const JSAtom *names, int count) {
  enum { STEP = 64 };
  JSShape *shape = shape_with(ctx, names, count);
  if (!shape) return -1;
  int i = 1; /* 0 means none */
  while (i < ctx->literal_count && ctx->literals[i] != shape) i++;
  if (i < ctx->literal_count || i > UINT16_MAX) {
    js_free_shape(ctx->rt, shape);
    return i > UINT16_MAX ? 0 : i;
  }
  if (i % STEP <= 1) {
    JSShape **grown = js_realloc(ctx, ctx->literals, sizeof *grown * (i + STEP));
    if (!grown) return -1;
    ctx->literals = grown;
  }
  ctx->literals[i] = shape;
  ctx->literal_count = i + 1;
  return i;
}

/* Makes the shapes of the literals in all functions. Returns -1 without memory. */
int JS_MakeLiterals(JSContext *ctx) {
  struct list_head *el;
  list_for_each(el, &ctx->rt->gc_obj_list) {
    JSGCObjectHeader *object = list_entry(el, JSGCObjectHeader, link);
    if (object->gc_obj_type != JS_GC_OBJ_TYPE_FUNCTION_BYTECODE) continue;
    JSFunctionBytecode *b = (JSFunctionBytecode *)object;
    for (int at = 0; at < b->byte_code_len; at += short_opcode_info(b->byte_code_buf[at]).size) {
      JSAtom names[LITERAL_PROPERTIES];
      int count = b->byte_code_buf[at] == OP_object ? properties_of(b, at, names) : 0;
      int number = count ? literal_with(ctx, names, count) : 0;
      if (number < 0) return -1;
      if (number) put_u16(b->byte_code_buf + at + 1, number);
    }
  }
  return 0;
}

/* For OP_object: the object with the properties of its literal, all undefined. */
static JSValue new_literal(JSContext *ctx, int number) {
  JSValue object = JS_NewObjectFromShape(ctx, js_dup_shape(ctx->literals[number]), JS_CLASS_OBJECT);
  if (JS_IsException(object)) return object;
  JSObject *p = JS_VALUE_GET_OBJ(object);
  for (int i = 0, count = p->shape->prop_count; i < count; i++) p->prop[i].u.value = JS_UNDEFINED;
  return object;
}

/* For OP_define_field: sets a property that the object has. Returns 0 if the general way must do it. */
static inline int set_literal_field(JSContext *ctx, JSValueConst object, JSAtom name, JSValue value) {
  if (JS_VALUE_GET_TAG(object) != JS_TAG_OBJECT) return 0;
  JSObject *p = JS_VALUE_GET_OBJ(object);
  JSProperty *property;
  if (p->class_id != JS_CLASS_OBJECT) return 0;
  JSShapeProperty *shape = find_own_property(&property, p, name);
  if (!shape || shape->flags != JS_PROP_C_W_E) return 0;
  set_value(ctx, &property->u.value, value);
  return 1;
}
