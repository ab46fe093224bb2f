/*
 * Shorter ways to what scripts do most with functions, arrays, objects and strings. Each takes the usual case only, has
 * the same result as the engine's way, and leaves every other case to it. src/changes/objects.ts inserts the calls.
 */

/* Makes the shape of ordinary functions: `length` and `name`, both configurable only. */
static JSShape *make_function_shape(JSContext *ctx) {
  JSShape *shape = js_new_shape2(ctx, get_proto_obj(ctx->class_proto[JS_CLASS_BYTECODE_FUNCTION]), JS_PROP_INITIAL_HASH_SIZE, 2);
  if (!shape) return NULL;
  add_shape_property(ctx, &shape, NULL, JS_ATOM_length, JS_PROP_CONFIGURABLE); /* cannot fail: there is room for two */
  add_shape_property(ctx, &shape, NULL, JS_ATOM_name, JS_PROP_CONFIGURABLE);
  return shape;
}

/* For js_closure(): an ordinary function with its length and name. */
static JSValue new_function(JSContext *ctx, const JSFunctionBytecode *b) {
  JSValue function = JS_NewObjectFromShape(ctx, js_dup_shape(ctx->function_shape), JS_CLASS_BYTECODE_FUNCTION);
  if (JS_IsException(function)) return function;
  JSProperty *values = JS_VALUE_GET_OBJ(function)->prop;
  values[0].u.value = JS_NewInt32(ctx, b->defined_arg_count);
  values[1].u.value = JS_AtomToString(ctx, b->func_name == JS_ATOM_NULL ? JS_ATOM_empty_string : b->func_name);
  return function;
}

/* For JS_DefineObjectName(): names a function that has no name yet. Returns 0 if the object is anything else. */
static int name_function(JSContext *ctx, JSValueConst function, JSAtom name) {
  JSObject *p = JS_VALUE_GET_OBJ(function);
  if (p->shape != ctx->function_shape) return 0;
  JSValue *old = &p->prop[1].u.value;
  if (JS_VALUE_GET_TAG(*old) == JS_TAG_STRING && JS_VALUE_GET_STRING(*old)->len == 0) set_value(ctx, old, JS_AtomToString(ctx, name));
  return 1;
}

static int is_same_object(JSValueConst a, JSValueConst b) {
  return JS_VALUE_GET_TAG(a) == JS_TAG_OBJECT && JS_VALUE_GET_TAG(b) == JS_TAG_OBJECT && JS_VALUE_GET_OBJ(a) == JS_VALUE_GET_OBJ(b);
}

/* Returns the own property if it is a plain value, without running code. */
static JSValueConst own_value(JSObject *p, JSAtom atom) {
  JSProperty *property;
  JSShapeProperty *shape = find_own_property(&property, p, atom);
  return shape && (shape->flags & JS_PROP_TMASK) == JS_PROP_NORMAL ? property->u.value : JS_UNDEFINED;
}

/* Returns the object if all its properties are visible in its shape, else NULL. */
static JSObject *plain_object(JSContext *ctx, JSValueConst value) {
  JSObject *p = JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(value) : NULL;
  if (!p || p->class_id != JS_CLASS_OBJECT || p->is_exotic) return NULL;
  JSObject *proto = p->shape->proto;
  return !proto || proto == JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_OBJECT]) ? p : NULL;
}

/* For JS_ArraySpeciesCreate(): returns 1 if the constructor is Array and its Symbol.species is the built-in getter. */
static int makes_plain_arrays(JSContext *ctx, JSValueConst ctor) {
  JSProperty *property;
  if (!is_same_object(ctor, ctx->array_ctor)) return 0;
  JSShapeProperty *shape = find_own_property(&property, JS_VALUE_GET_OBJ(ctor), JS_ATOM_Symbol_species);
  return shape && (shape->flags & JS_PROP_TMASK) == JS_PROP_GETSET && property->u.getset.getter &&
         JS_IsCFunction(ctx, JS_MKPTR(JS_TAG_OBJECT, property->u.getset.getter), (JSCFunction *)js_get_this, 0);
}

/* `new Array(length)`, with room for the elements that follow. */
static JSValue new_plain_array(JSContext *ctx, JSValueConst length) {
  enum { ROOM = 256 };
  if (JS_VALUE_GET_TAG(length) != JS_TAG_INT || JS_VALUE_GET_INT(length) < 0)
    return js_array_constructor(ctx, JS_UNDEFINED, 1, &length);
  JSValue array = JS_NewArray(ctx);
  if (JS_IsException(array)) return array;
  JSObject *p = JS_VALUE_GET_OBJ(array);
  p->prop[0].u.value = length;
  uint32_t count = JS_VALUE_GET_INT(length);
  if (count > 0 && count <= ROOM && expand_fast_array(ctx, p, count)) {
    JS_FreeValue(ctx, array);
    return JS_EXCEPTION;
  }
  return array;
}

/* The array if elements behind its last one can be appended in place, or NULL. */
static inline JSObject *appendable(JSValueConst array) {
  if (JS_VALUE_GET_TAG(array) != JS_TAG_OBJECT) return NULL;
  JSObject *p = JS_VALUE_GET_OBJ(array);
  return p->class_id == JS_CLASS_ARRAY && p->fast_array && p->extensible ? p : NULL;
}

/*
 * For JS_CopyDataProperties(): gives an empty object the properties of a plain object with the same prototype, if all of
 * them are enumerable values. Returns 1, 0 if the general way must do it, or -1 without memory.
 */
static int copy_plain(JSContext *ctx, JSValueConst target, JSObject *from) {
  JSObject *to = JS_VALUE_GET_OBJ(target);
  JSShape *shape = from->shape;
  if (from->class_id != JS_CLASS_OBJECT || to->class_id != JS_CLASS_OBJECT || !to->extensible || !shape->is_hashed ||
      !to->shape->is_hashed || to->shape->prop_count || to->shape->proto != shape->proto)
    return 0;
  int count = shape->prop_count;
  for (int i = 0; i < count; i++) {
    const JSShapeProperty *one = &shape->prop[i];
    /* Private names are properties too, and are not copied. */
    if (one->flags != JS_PROP_C_W_E || __JS_AtomIsTaggedInt(one->atom) ||
        ctx->rt->atom_array[one->atom]->atom_type != JS_ATOM_TYPE_STRING)
      return 0;
  }
  JSProperty *values = js_realloc(ctx, to->prop, sizeof *values * shape->prop_size);
  if (!values) return -1;
  to->prop = values;
  js_free_shape(ctx->rt, to->shape);
  to->shape = js_dup_shape(shape);
  for (int i = 0; i < count; i++) values[i].u.value = JS_DupValue(ctx, from->prop[i].u.value);
  return 1;
}

/*
 * For String.prototype.concat(), which template literals call: allocates the result once, if all parts are strings
 * or integers and it is short. Returns undefined if the general way must do it.
 */
static JSValue concat_short(JSContext *ctx, JSValueConst first, int count, JSValueConst *rest) {
  enum { DIGITS = 11, SHORT = 512 };
  size_t size = 0;
  int is_wide = 0;
  for (int i = -1; i < count; i++) {
    JSValueConst part = i < 0 ? first : rest[i];
    if (JS_VALUE_GET_TAG(part) == JS_TAG_STRING) {
      size += JS_VALUE_GET_STRING(part)->len;
      is_wide |= JS_VALUE_GET_STRING(part)->is_wide_char;
    } else if (JS_VALUE_GET_TAG(part) == JS_TAG_INT) {
      size += DIGITS;
    } else {
      return JS_UNDEFINED;
    }
  }
  if (size == 0 || size > SHORT || is_wide) return JS_UNDEFINED;
  JSString *joined = js_alloc_string(ctx, (int)size, 0);
  if (!joined) return JS_EXCEPTION;
  uint8_t *at = joined->u.str8;
  for (int i = -1; i < count; i++) {
    JSValueConst part = i < 0 ? first : rest[i];
    if (JS_VALUE_GET_TAG(part) == JS_TAG_STRING) {
      const JSString *text = JS_VALUE_GET_STRING(part);
      memcpy(at, text->u.str8, text->len);
      at += text->len;
    } else {
      at += i32toa((char *)at, JS_VALUE_GET_INT(part));
    }
  }
  *at = 0;
  joined->len = at - joined->u.str8;
  return JS_MKPTR(JS_TAG_STRING, joined);
}

/* Returns 1 if `for (x of array)` reads the array only: neither it nor the iteration of arrays was changed by a script. */
static int iterates_plainly(JSContext *ctx, JSValueConst array) {
  if (JS_VALUE_GET_TAG(array) != JS_TAG_OBJECT) return 0;
  JSObject *p = JS_VALUE_GET_OBJ(array);
  return p->shape == ctx->array_shape && p->fast_array &&
         JS_IsCFunction(ctx, own_value(JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_ARRAY]), JS_ATOM_Symbol_iterator),
                        (JSCFunction *)js_create_array_iterator, JS_ITERATOR_KIND_VALUE) &&
         JS_IsCFunction(ctx, own_value(JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_ARRAY_ITERATOR]), JS_ATOM_next),
                        (JSCFunction *)js_array_iterator_next, 0);
}

/*
 * An iteration is two values on the stack: the iterator, or undefined at its end, and its `next`. Such an array iterates
 * without either: the values are the array and its next index. No value of a script has this tag.
 */
static JSValue index_of_array(uint32_t index) { return JS_MKVAL(JS_TAG_UNINITIALIZED, (int32_t)index); }
static int is_array_iteration(const JSValue *iteration) { return JS_VALUE_GET_TAG(iteration[1]) == JS_TAG_UNINITIALIZED; }

/* For js_for_of_next(). */
static int next_of_array(JSContext *ctx, JSValue *iteration, JSValue *result) {
  uint32_t length, index = (uint32_t)JS_VALUE_GET_INT(iteration[1]);
  result[0] = JS_UNDEFINED;
  result[1] = JS_TRUE;
  if (JS_IsUndefined(iteration[0])) return 0;
  JSObject *p = JS_VALUE_GET_OBJ(iteration[0]);
  JSValue value = JS_EXCEPTION;
  if (p->fast_array && index < p->u.array.count) {
    value = JS_DupValue(ctx, p->u.array.u.values[index]);
  } else if (js_get_length32(ctx, &length, iteration[0]) == 0) {
    value = index < length ? JS_GetPropertyUint32(ctx, iteration[0], index) : JS_UNINITIALIZED;
  }
  if (JS_IsException(value) || JS_IsUninitialized(value)) {
    JS_FreeValue(ctx, iteration[0]);
    iteration[0] = JS_UNDEFINED;
    return JS_IsException(value) ? -1 : 0;
  }
  iteration[1] = index_of_array(index + 1);
  result[0] = value;
  result[1] = JS_FALSE;
  return 0;
}

/* Replaces the array by its iterator, without `next`. */
static int make_iterator(JSContext *ctx, JSValue *iteration) {
  JSValue array = iteration[0], iterator = js_create_array_iterator(ctx, array, 0, NULL, JS_ITERATOR_KIND_VALUE);
  iteration[0] = JS_UNDEFINED;
  if (!JS_IsException(iterator)) {
    JS_VALUE_GET_OBJ(iterator)->u.array_iterator_data->idx = (uint32_t)JS_VALUE_GET_INT(iteration[1]);
    iteration[0] = iterator;
  }
  iteration[1] = JS_UNDEFINED;
  JS_FreeValue(ctx, array);
  return JS_IsException(iterator) ? -1 : 0;
}

/* For `yield*`, which calls the `next` of an iterator. */
static int make_iteration(JSContext *ctx, JSValue *iteration) {
  if (!is_array_iteration(iteration)) return 0;
  if (make_iterator(ctx, iteration)) return -1;
  iteration[1] = JS_GetProperty(ctx, iteration[0], JS_ATOM_next);
  return JS_IsException(iteration[1]) ? -1 : 0;
}

/* Ends the iteration of an array before its end: a script may have given array iterators a `return` since its start. */
static int end_array_iteration(JSContext *ctx, JSValue *iteration) {
  if (!is_array_iteration(iteration) || JS_IsUndefined(iteration[0])) return 0;
  for (JSObject *p = JS_VALUE_GET_OBJ(ctx->class_proto[JS_CLASS_ARRAY_ITERATOR]); p; p = p->shape->proto) {
    JSProperty *property;
    if (p->is_exotic || find_own_property(&property, p, JS_ATOM_return)) return make_iterator(ctx, iteration);
  }
  JS_FreeValue(ctx, iteration[0]);
  iteration[0] = JS_UNDEFINED;
  return 0;
}

/* For js_append_enumerate(): appends the elements of such an array. Returns 1, 0 for other values, or -1 on exception. */
static int append_array(JSContext *ctx, JSValue *sp) {
  if (!iterates_plainly(ctx, sp[-1])) return 0;
  JSObject *from = JS_VALUE_GET_OBJ(sp[-1]), *to = appendable(sp[-3]);
  uint32_t count = from->u.array.count, at = (uint32_t)JS_VALUE_GET_INT(sp[-2]);
  JSValueConst length = from->prop[0].u.value;
  if (!to || to == from || at != to->u.array.count || JS_VALUE_GET_TAG(length) != JS_TAG_INT ||
      (uint32_t)JS_VALUE_GET_INT(length) != count || count > INT32_MAX - at)
    return 0;
  for (uint32_t i = 0; i < count; i++)
    if (add_fast_array_element(ctx, to, JS_DupValue(ctx, from->u.array.u.values[i]), JS_PROP_THROW) < 0) return -1;
  sp[-2] = JS_NewInt32(ctx, (int32_t)(at + count));
  return 1;
}

/* For OP_push_atom_value: a constant text. */
static inline JSValue constant_text(JSContext *ctx, JSAtom atom) {
  if (__JS_AtomIsTaggedInt(atom)) return JS_AtomToValue(ctx, atom);
  JSAtomStruct *text = ctx->rt->atom_array[atom];
  return text->atom_type == JS_ATOM_TYPE_STRING ? JS_DupValue(ctx, JS_MKPTR(JS_TAG_STRING, text)) : JS_AtomToValue(ctx, atom);
}

/* For `===` and `!==`: compares two texts of narrow characters. Returns -1 for other values. */
static int equal_texts(JSValueConst left, JSValueConst right) {
  if (JS_VALUE_GET_TAG(left) != JS_TAG_STRING || JS_VALUE_GET_TAG(right) != JS_TAG_STRING) return -1;
  const JSString *a = JS_VALUE_GET_STRING(left), *b = JS_VALUE_GET_STRING(right);
  if (a == b) return 1;
  if (a->is_wide_char || b->is_wide_char) return -1;
  return a->len == b->len && !memcmp(a->u.str8, b->u.str8, a->len);
}
