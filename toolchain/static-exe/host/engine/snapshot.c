/* Prepares a finished context for the snapshot. */
int JS_MakeNamed(JSContext *ctx);
void JS_MakeImmortal(JSRuntime *rt);

/* Marks the atoms that a function's bytecode names. */
static void mark_named(const JSRuntime *rt, const JSFunctionBytecode *b, uint8_t *named) {
  for (int at = 0; at < b->byte_code_len;) {
    const JSOpCode *op = &short_opcode_info(b->byte_code_buf[at]);
    if (op->fmt >= OP_FMT_atom && op->fmt <= OP_FMT_atom_label_u16) {
      JSAtom atom = get_u32(b->byte_code_buf + at + 1);
      if (atom < (JSAtom)rt->atom_size) named[atom] = 1; /* an atom outside the table is a number */
    }
    at += op->size;
  }
}

/*
 * Creates the built-in functions that the script names or the language itself calls. The engine creates a built-in
 * function at its first lookup, so each start would create these again. Creating all would take 150 kB. Returns -1
 * without memory.
 */
int JS_MakeNamed(JSContext *ctx) {
  static const uint16_t by_language[] = {JS_ATOM_next, JS_ATOM_exec, JS_ATOM_Symbol_iterator, JS_ATOM_Symbol_replace};
  JSRuntime *rt = ctx->rt;
  struct list_head *el;
  uint8_t *named = js_mallocz_rt(rt, (size_t)rt->atom_size);
  if (!named) return -1;
  for (size_t i = 0; i < countof(by_language); i++) named[by_language[i]] = 1;
  list_for_each(el, &rt->gc_obj_list) {
    JSGCObjectHeader *object = list_entry(el, JSGCObjectHeader, link);
    if (object->gc_obj_type == JS_GC_OBJ_TYPE_FUNCTION_BYTECODE) mark_named(rt, (JSFunctionBytecode *)object, named);
  }
  int result = 0;
  list_for_each(el, &rt->gc_obj_list) {
    JSObject *p = (JSObject *)list_entry(el, JSGCObjectHeader, link);
    if (p->header.gc_obj_type != JS_GC_OBJ_TYPE_JS_OBJECT) continue;
    for (int i = 0; i < p->shape->prop_count; i++) {
      JSShapeProperty *shape = &get_shape_prop(p->shape)[i];
      if ((shape->flags & JS_PROP_TMASK) != JS_PROP_AUTOINIT || !named[shape->atom]) continue;
      result |= JS_AutoInitProperty(ctx, p, shape->atom, &p->prop[i], shape);
    }
  }
  js_free_rt(rt, named);
  return result;
}

/*
 * Gives all reachable objects an immortal reference count, see src/changes/references.ts. Excludes strings that are not
 * atoms: references.c knows them by their address. Excludes unshared shapes, which the engine changes in place and which
 * must have a count of one. The objects leave the collector's list: their references need no count, and a new object is
 * not appended to one of theirs, which would copy a page.
 */
void JS_MakeImmortal(JSRuntime *rt) {
  struct list_head *el, *next;
  list_for_each_safe(el, next, &rt->gc_obj_list) {
    JSGCObjectHeader *object = list_entry(el, JSGCObjectHeader, link);
    init_list_head(el);
    if (object->gc_obj_type == JS_GC_OBJ_TYPE_SHAPE && !((JSShape *)object)->is_hashed) continue;
    object->ref_count += 2 * IMMORTAL;
  }
  init_list_head(&rt->gc_obj_list);
  int end = JS_ATOM_END;
  for (int i = 1; i < rt->atom_size; i++) {
    JSAtomStruct *atom = rt->atom_array[i];
    if (atom_is_free(atom)) continue;
    atom->header.ref_count += 2 * IMMORTAL;
    if (i >= end) end = i + 1;
  }
  rt->frozen_atoms = end - JS_ATOM_END;
  /* New atoms use the slots at the table's end, which are adjacent, and all before them are immortal. */
  rt->atom_free_index = 0;
  for (int i = end; i < rt->atom_size; i++) {
    rt->atom_array[i] = atom_set_free(rt->atom_free_index);
    rt->atom_free_index = i;
  }
}
