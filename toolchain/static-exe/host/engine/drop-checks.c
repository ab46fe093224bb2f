/*
 * Drops the checks that a variable of `let`, `const` or `class` is initialised, where every way through the function
 * initialises it before. A handler of exceptions, and what follows `finally`, keep their checks. The compiler calls
 * drop_checks() between its phases resolve_variables and resolve_labels: src/changes/compiler.ts.
 */

/* Returns the position of the label in an instruction, or 0. */
static int label_at(int op) {
  switch (opcode_info[op].fmt) {
  case OP_FMT_label:
  case OP_FMT_label_u16:
    return op == OP_label ? 0 : 1;
  case OP_FMT_atom_label_u8:
  case OP_FMT_atom_label_u16:
    return 5;
  default:
    return 0;
  }
}

/* Returns 1 if execution does not continue behind the instruction. */
static int is_end(int op) {
  static const uint8_t ends[] = {OP_goto, OP_ret, OP_return, OP_return_undef, OP_return_async, OP_throw, OP_throw_error,
                                 OP_tail_call, OP_tail_call_method};
  return memchr(ends, op, sizeof ends) != NULL;
}

/* The initialised variables of a function: a row of one byte each for every label, and the row `now`. */
struct checks {
  uint8_t *rows, *now, *is_target, *is_checked;
  int count, live, changed;
};

/* Intersects the variables that are initialised at a label with those of a way to it. */
static void join(struct checks *c, int label, int is_known) {
  uint8_t *row = c->rows + (size_t)label * c->count;
  for (int i = 0; i < c->count; i++) {
    if (!row[i] || (is_known && c->now[i])) continue;
    row[i] = 0;
    c->changed = 1;
  }
}

/* Follows one instruction. */
static void follow(struct checks *c, const uint8_t *at) {
  int op = *at, label = label_at(op);
  if (label) join(c, get_u32(at + label), op != OP_catch && op != OP_gosub);
  switch (op) {
  case OP_label:
    label = get_u32(at + 1);
    if (c->live) join(c, label, 1);
    else if (!c->is_target[label]) join(c, label, 0);
    memcpy(c->now, c->rows + (size_t)label * c->count, c->count);
    c->live = 1;
    break;
  case OP_set_loc_uninitialized:
    c->now[get_u16(at + 1)] = 0;
    break;
  case OP_put_loc:
  case OP_set_loc:
  case OP_get_loc_check:
  case OP_put_loc_check:
  case OP_put_loc_check_init:
    c->now[get_u16(at + 1)] = 1;
    break;
  case OP_gosub:
    memset(c->now, 0, c->count);
    break;
  }
  if (is_end(op)) c->live = 0;
}

/* Drops a check of an initialised variable. Notes the variables that are still checked. */
static void rewrite(struct checks *c, uint8_t *at) {
  int is_known = (*at == OP_get_loc_check || *at == OP_put_loc_check) && c->now[get_u16(at + 1)];
  if (is_known) *at = *at == OP_get_loc_check ? OP_get_loc : OP_put_loc;
  else if (*at == OP_get_loc_check || *at == OP_put_loc_check || *at == OP_put_loc_check_init || *at == OP_get_loc_checkthis)
    c->is_checked[get_u16(at + 1)] = 1;
  else if (*at == OP_make_loc_ref)
    c->is_checked[get_u16(at + 5)] = 1;
}

/* Removes the instructions that mark variables as uninitialised which nothing checks and no closure has. */
static void remove_marks(JSFunctionDef *s, const struct checks *c) {
  uint8_t *code = s->byte_code.buf;
  int to = 0;
  for (int from = 0, size; from < (int)s->byte_code.size; from += size) {
    size = opcode_info[code[from]].size;
    if (code[from] == OP_set_loc_uninitialized) {
      int i = get_u16(code + from + 1);
      if (!c->is_checked[i] && !s->vars[i].is_captured) continue;
    }
    memmove(code + to, code + from, size);
    if (code[to] == OP_label) s->label_slots[get_u32(code + to + 1)].pos2 = to + size;
    to += size;
  }
  s->byte_code.size = to;
}

/* Returns -1 without memory. */
static int drop_checks(JSContext *ctx, JSFunctionDef *s) {
  uint8_t *code = s->byte_code.buf;
  int size = (int)s->byte_code.size, count = s->var_count, labels = s->label_count;
  if (count == 0 || s->has_eval_call) return 0;
  uint8_t *memory = js_mallocz(ctx, (size_t)(labels + 2) * count + labels);
  if (!memory) return -1;
  struct checks c = {.rows = memory, .count = count, .changed = 1};
  c.now = c.rows + (size_t)labels * count;
  c.is_checked = c.now + count;
  c.is_target = c.is_checked + count;
  memset(c.rows, 1, (size_t)labels * count);
  for (int at = 0; at < size; at += opcode_info[code[at]].size)
    if (label_at(code[at])) c.is_target[get_u32(code + at + label_at(code[at]))] = 1;
  while (c.changed) {
    c.changed = 0;
    c.live = 1;
    memset(c.now, 0, count);
    for (int at = 0; at < size; at += opcode_info[code[at]].size) follow(&c, code + at);
  }
  memset(c.now, 0, count);
  c.live = 1;
  for (int at = 0; at < size; at += opcode_info[code[at]].size) {
    uint8_t before[16];
    memcpy(before, code + at, opcode_info[code[at]].size);
    rewrite(&c, code + at);
    follow(&c, before);
  }
  remove_marks(s, &c);
  js_free(ctx, memory);
  return 0;
}
