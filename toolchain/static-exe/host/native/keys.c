/* Keys of a configuration: packages/cni-spec/src/native.ts and packages/ipam/src/native.ts. */

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
