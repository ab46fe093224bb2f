/*
 * Shorter ways to the properties of objects, inlined into the interpreter. src/changes/properties.ts inserts
 * the calls.
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

/*
 * Adds a property to an ordinary object whose prototypes do not have it, as constructors do, and owns `value` then. Returns
 * -1 without memory, and 0 if the general way must do it.
 */
static no_inline int add_plain_property(JSContext *ctx, JSObject *object, JSAtom name, JSValue value) {
  JSProperty *property;
  if (object->class_id != JS_CLASS_OBJECT || !object->extensible) return 0;
  for (JSObject *p = object->shape->proto; p; p = p->shape->proto)
    if (p->is_exotic || find_own_property(&property, p, name)) return 0;
  property = add_property(ctx, object, name, JS_PROP_C_W_E);
  if (property) property->u.value = value;
  else JS_FreeValue(ctx, value);
  return property ? 1 : -1;
}

/* Changes or adds an own property that is an ordinary value, and owns `value` then. Else returns 0. */
static force_inline int change_property(JSContext *ctx, JSValueConst object, JSAtom name, JSValue value) {
  JSProperty *property;
  if (unlikely(JS_VALUE_GET_TAG(object) != JS_TAG_OBJECT)) return 0;
  const JSShapeProperty *shape = find_own_property(&property, JS_VALUE_GET_OBJ(object), name);
  if (!shape) return add_plain_property(ctx, JS_VALUE_GET_OBJ(object), name, value);
  if ((shape->flags & (JS_PROP_TMASK | JS_PROP_WRITABLE | JS_PROP_LENGTH)) != JS_PROP_WRITABLE) return 0;
  set_value(ctx, &property->u.value, value);
  return 1;
}

/* Calls a function; one in C without the frame that JavaScript needs. */
static force_inline JSValue call_value(JSContext *ctx, JSValueConst function, JSValueConst this, int argc, JSValue *argv) {
  if (JS_VALUE_GET_TAG(function) == JS_TAG_OBJECT && JS_VALUE_GET_OBJ(function)->class_id == JS_CLASS_C_FUNCTION)
    return js_call_c_function(ctx, function, this, argc, (JSValueConst *)argv, 0);
  return JS_CallInternal(ctx, function, this, JS_UNDEFINED, argc, argv, 0);
}

/* The property `length` where plain_property() has none. Calls nothing for a typed array with the built-in getter. */
static JSValue other_length(JSContext *ctx, JSValueConst value) {
  JSObject *first = JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(value) : NULL;
  int is_typed = first && first->class_id >= JS_CLASS_UINT8C_ARRAY && first->class_id <= JS_CLASS_FLOAT64_ARRAY;
  for (JSObject *p = first; is_typed && p && (p == first || !p->is_exotic); p = p->shape->proto) {
    JSProperty *property;
    const JSShapeProperty *shape = find_own_property(&property, p, JS_ATOM_length);
    if (!shape) continue;
    const JSObject *getter = (shape->flags & JS_PROP_TMASK) == JS_PROP_GETSET ? property->u.getset.getter : NULL;
    if (getter && getter->class_id == JS_CLASS_C_FUNCTION && getter->u.cfunc.c_function.getter == js_typed_array_get_length)
      return JS_NewInt32(ctx, (int32_t)first->u.array.count);
    break;
  }
  return JS_GetProperty(ctx, value, JS_ATOM_length);
}
