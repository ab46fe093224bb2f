/*
 * Shorter ways to the properties of objects, inlined into the interpreter. src/builtin-changes.ts inserts the calls, and
 * src/engine-changes.ts appends this file to quickjs.c.
 */

/*
 * Returns the property of an object and its prototypes if no code must run for it. Returns JS_UNINITIALIZED if the
 * general way must do it, and no reference.
 */
static force_inline JSValueConst plain_property(JSValueConst object, JSAtom name) {
  if (unlikely(JS_VALUE_GET_TAG(object) != JS_TAG_OBJECT)) return JS_UNINITIALIZED;
  for (JSObject *p = JS_VALUE_GET_OBJ(object); p; p = p->shape->proto) {
    JSProperty *property;
    const JSShapeProperty *shape = find_own_property(&property, p, name);
    if (shape) return likely(!(shape->flags & JS_PROP_TMASK)) ? property->u.value : JS_UNINITIALIZED;
    /* Among the names that only the object itself can look up are the elements of an array. */
    if (unlikely(p->is_exotic) && (p->class_id != JS_CLASS_ARRAY || !p->fast_array || __JS_AtomIsTaggedInt(name)))
      return JS_UNINITIALIZED;
  }
  return JS_UNDEFINED;
}

/* Changes an own property that is an ordinary value, and owns `value` then. Else returns 0. */
static force_inline int change_property(JSContext *ctx, JSValueConst object, JSAtom name, JSValue value) {
  JSProperty *property;
  if (unlikely(JS_VALUE_GET_TAG(object) != JS_TAG_OBJECT)) return 0;
  const JSShapeProperty *shape = find_own_property(&property, JS_VALUE_GET_OBJ(object), name);
  if (!shape || (shape->flags & (JS_PROP_TMASK | JS_PROP_WRITABLE | JS_PROP_LENGTH)) != JS_PROP_WRITABLE) return 0;
  set_value(ctx, &property->u.value, value);
  return 1;
}
