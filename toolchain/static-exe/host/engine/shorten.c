/*
 * Shortens the code of a function, which the engine's compiler writes in one pass: constants of `!0` and `!1`, negated
 * conditions, chains of `&&` and `||`, and destructuring, which the compiler begins with a jump to the value. The
 * compiler calls shorten() between its phases resolve_variables and resolve_labels, after drop_checks():
 * src/changes/compiler.ts.
 */

/* Returns the opcode at a position, or -1 at the end. */
static int opcode_at(const JSFunctionDef *s, int at) { return at < (int)s->byte_code.size ? s->byte_code.buf[at] : -1; }

static uint32_t operand_at(const JSFunctionDef *s, int at) { return get_u32(s->byte_code.buf + at + 1); }

static int is_nothing(const JSFunctionDef *s, int at) {
  int op = opcode_at(s, at);
  return op == OP_nop || op == OP_line_num || (op == OP_label && s->label_slots[operand_at(s, at)].ref_count == 0);
}

/* Returns the position of the first instruction at `at` or behind it that does something or is the target of a jump. */
static int something_at(const JSFunctionDef *s, int at) {
  while (is_nothing(s, at)) at += opcode_info[s->byte_code.buf[at]].size;
  return at;
}

static int following(const JSFunctionDef *s, int at) { return something_at(s, at + opcode_info[s->byte_code.buf[at]].size); }

static void replace(JSFunctionDef *s, int at, int op) {
  memset(s->byte_code.buf + at, OP_nop, opcode_info[s->byte_code.buf[at]].size);
  s->byte_code.buf[at] = op;
}

static int is_condition(int op) { return op == OP_if_false || op == OP_if_true; }

static void note_labels(JSFunctionDef *s) {
  for (int at = 0; at < (int)s->byte_code.size; at += opcode_info[s->byte_code.buf[at]].size)
    if (s->byte_code.buf[at] == OP_label) s->label_slots[operand_at(s, at)].pos2 = at + opcode_info[OP_label].size;
}

/* `undefined dup undefined strict_eq if_true(l) ... l: drop` is `goto(l) ... l:`. */
static int jump_to_value(JSFunctionDef *s, int at) {
  static const uint8_t ops[] = {OP_dup, OP_undefined, OP_strict_eq, OP_if_true};
  int jump = at;
  for (size_t i = 0; i < sizeof ops; i++) {
    jump = following(s, jump);
    if (opcode_at(s, jump) != ops[i]) return 0;
  }
  LabelSlot *label = &s->label_slots[operand_at(s, jump)];
  int target = something_at(s, label->pos2);
  if (label->ref_count != 1 || opcode_at(s, target) != OP_drop) return 0;
  replace(s, target, OP_nop);
  for (int i = at; i < jump; i = following(s, i)) replace(s, i, OP_nop);
  s->byte_code.buf[jump] = OP_goto;
  return 1;
}

/* Returns the position of a label if the only way to it is a `goto` at the end of what begins at `from`, else -1. */
static int end_of_way(const JSFunctionDef *s, int from, uint32_t label, uint32_t *to) {
  int end = s->label_slots[label].pos2 - opcode_info[OP_label].size, last = -1;
  for (int at = from; at < end; at += opcode_info[s->byte_code.buf[at]].size) last = at;
  if (last < 0 || s->byte_code.buf[last] != OP_goto) return -1;
  *to = operand_at(s, last);
  return end;
}

/* `goto(v) b: BODY goto(e) v: VALUE goto(b) e:` is `VALUE BODY e:`. Returns -1 without memory. */
static int move_value(JSContext *ctx, JSFunctionDef *s, int at) {
  enum { JUMP = 5 };
  uint32_t value = operand_at(s, at), body, end, back;
  uint8_t *code = s->byte_code.buf;
  int body_at = following(s, at), value_at, end_at;
  if (opcode_at(s, body_at) != OP_label) return 0;
  body = operand_at(s, body_at);
  if (s->label_slots[value].ref_count != 1 || s->label_slots[body].ref_count != 1) return 0;
  body_at += JUMP;
  value_at = end_of_way(s, body_at, value, &end);
  if (value_at < 0) return 0;
  end_at = end_of_way(s, value_at + JUMP, end, &back);
  if (end_at < 0 || back != body) return 0;
  int body_size = value_at - JUMP - body_at, value_size = end_at - JUMP - (value_at + JUMP);
  uint8_t *copy = js_malloc(ctx, (size_t)body_size + 1);
  if (!copy) return -1;
  memcpy(copy, code + body_at, body_size);
  memmove(code + at, code + value_at + JUMP, value_size);
  memcpy(code + at + value_size, copy, body_size);
  memset(code + at + value_size + body_size, OP_nop, end_at - (at + value_size + body_size));
  js_free(ctx, copy);
  s->label_slots[value].ref_count = s->label_slots[body].ref_count = 0;
  s->label_slots[end].ref_count--;
  note_labels(s);
  return 1;
}

static int is_put(int op) {
  static const uint8_t ops[] = {OP_put_loc,       OP_put_arg,           OP_put_var_ref,           OP_put_loc_check,
                                OP_put_loc_check_init, OP_put_var_ref_check, OP_put_var_ref_check_init};
  return op >= 0 && memchr(ops, op, sizeof ops) != NULL;
}

/* `dup get_field(a)` is `get_field2(a)`, and `dup get_field(a) put drop` is `get_field(a) put`. */
static int keep_object(JSFunctionDef *s, int at) {
  int get = following(s, at), put = following(s, get), end;
  if (is_put(opcode_at(s, put)) && opcode_at(s, end = following(s, put)) == OP_drop) {
    replace(s, end, OP_nop);
  } else if (operand_at(s, get) != JS_ATOM_length) {
    s->byte_code.buf[get] = OP_get_field2;
  } else {
    return 0;
  }
  replace(s, at, OP_nop);
  return 1;
}

/*
 * `dup if(l) drop` at whose target is the same condition: jumps on to the target of that, and needs no copy of the value
 * if that one drops it.
 */
static int join_conditions(JSFunctionDef *s, int at) {
  int jump = following(s, at), drop = following(s, jump), op = opcode_at(s, jump);
  uint32_t label = operand_at(s, jump), to;
  int target = s->label_slots[label].pos2;
  if (opcode_at(s, drop) != OP_drop) return 0;
  while (opcode_at(s, target) == OP_label || is_nothing(s, target)) target += opcode_info[s->byte_code.buf[target]].size;
  int is_kept = opcode_at(s, target) == OP_dup;
  if (is_kept) target = following(s, target);
  if (opcode_at(s, target) != op) return 0;
  to = operand_at(s, target);
  if (to == label || target <= jump) return 0;
  if (is_kept && opcode_at(s, following(s, target)) != OP_drop) return 0;
  s->label_slots[label].ref_count--;
  s->label_slots[to].ref_count++;
  put_u32(s->byte_code.buf + jump + 1, to);
  if (is_kept) return 1;
  replace(s, at, OP_nop);
  replace(s, drop, OP_nop);
  return 1;
}

/* Shortens what begins at `at`. Returns 1 if it did, or -1 without memory. */
static int shorten_at(JSContext *ctx, JSFunctionDef *s, int at) {
  uint8_t *code = s->byte_code.buf;
  int next = following(s, at), then = opcode_at(s, next);
  switch (code[at]) {
  case OP_undefined:
    return then == OP_dup && jump_to_value(s, at);
  case OP_goto:
    return move_value(ctx, s, at);
  case OP_dup:
    if (then == OP_get_field) return keep_object(s, at);
    return is_condition(then) && join_conditions(s, at);
  case OP_to_object: /* reading a property of the value needs an object, too */
    if (then == OP_dup) then = opcode_at(s, following(s, next));
    if (then != OP_get_field && then != OP_get_field2) return 0;
    replace(s, at, OP_nop);
    return 1;
  case OP_push_i32:
    if (then != OP_lnot) return 0;
    replace(s, at, operand_at(s, at) ? OP_push_false : OP_push_true);
    replace(s, next, OP_nop);
    return 1;
  case OP_lnot:
    if (!is_condition(then)) return 0;
    replace(s, at, OP_nop);
    code[next] ^= OP_if_false ^ OP_if_true;
    return 1;
  default:
    return 0;
  }
}

static void remove_nothing(JSFunctionDef *s) {
  uint8_t *code = s->byte_code.buf;
  int to = 0;
  for (int from = 0, size; from < (int)s->byte_code.size; from += size) {
    size = opcode_info[code[from]].size;
    if (code[from] == OP_nop) continue;
    memmove(code + to, code + from, size);
    to += size;
  }
  s->byte_code.size = to;
  note_labels(s);
}

/* Returns -1 without memory. */
static int shorten(JSContext *ctx, JSFunctionDef *s) {
  int changed = 1;
  while (changed > 0) {
    changed = 0;
    for (int at = 0; at < (int)s->byte_code.size; at += opcode_info[s->byte_code.buf[at]].size) {
      int done = shorten_at(ctx, s, at);
      if (done < 0) return -1;
      changed |= done;
    }
  }
  remove_nothing(s);
  return 0;
}
