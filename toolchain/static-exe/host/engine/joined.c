/*
 * Joins instructions of the functions in the snapshot that often follow each other. src/changes/joined.ts has the code of
 * what they become.
 */
void JS_JoinInstructions(JSRuntime *rt);

enum { JOINED = 4 };

/* An instruction, and those that it stands for. */
static const struct {
  uint8_t joined, parts[JOINED];
} joins[] = {
    {OP_dup_if_false, {OP_dup, OP_if_false8, OP_drop}},
    {OP_dup_if_true, {OP_dup, OP_if_true8, OP_drop}},
    {OP_dup_if_defined, {OP_dup, OP_is_undefined_or_null, OP_if_false8, OP_drop}},
    {OP_dup_if_given, {OP_dup, OP_is_undefined, OP_if_false8, OP_drop}},
    {OP_arg0_field, {OP_get_arg0, OP_get_field}},
    {OP_strict_eq_if_false, {OP_strict_eq, OP_if_false8}},
    {OP_lt_if_false, {OP_lt, OP_if_false8}},
};

static int has_parts(const JSFunctionBytecode *b, int at, const uint8_t *parts) {
  for (int i = 0; i < JOINED && parts[i]; i++) {
    if (at >= b->byte_code_len || b->byte_code_buf[at] != parts[i]) return 0;
    at += short_opcode_info(parts[i]).size;
  }
  return 1;
}

void JS_JoinInstructions(JSRuntime *rt) {
  struct list_head *el;
  list_for_each(el, &rt->gc_obj_list) {
    JSGCObjectHeader *object = list_entry(el, JSGCObjectHeader, link);
    if (object->gc_obj_type != JS_GC_OBJ_TYPE_FUNCTION_BYTECODE) continue;
    JSFunctionBytecode *b = (JSFunctionBytecode *)object;
    for (int at = 0, size; at < b->byte_code_len; at += size) {
      size = short_opcode_info(b->byte_code_buf[at]).size;
      for (size_t i = 0; i < countof(joins); i++) {
        if (!has_parts(b, at, joins[i].parts)) continue;
        b->byte_code_buf[at] = joins[i].joined;
        break;
      }
    }
  }
}

/* A value as a condition. */
static force_inline int is_truthy(JSContext *ctx, JSValueConst value) {
  if ((uint32_t)JS_VALUE_GET_TAG(value) <= JS_TAG_UNDEFINED) return JS_VALUE_GET_INT(value);
  return JS_ToBoolFree(ctx, JS_DupValue(ctx, value));
}
