/*
 * Counts of references, for values of the interpreter. It counts no reference to a value of the snapshot, and knows it by
 * its address, which is lower than any that a start allocates. A branch on that would often be mispredicted, so there is
 * none: all that is not counted shares the count JS_frozen.uncounted. src/changes/references.ts replaces JS_DupValue() and
 * its siblings in JS_CallInternal().
 */
void JS_Freeze(JSRuntime *rt, const void *end);

struct JS_Frozen JS_frozen;

/* Makes immortal all values up to `end`, and the atoms of the snapshot. */
void JS_Freeze(JSRuntime *rt, const void *end) {
  JS_frozen.end = (uintptr_t)end;
  JS_frozen.atoms = rt->frozen_atoms;
}

/* The count of the references to a value. */
static force_inline int *count_of(JSValueConst value) {
  uintptr_t at = (uintptr_t)JS_VALUE_GET_PTR(value) & (uintptr_t)(value.tag >> 63), none = (uintptr_t)&JS_frozen.uncounted;
  return (int *)(__builtin_expect_with_probability(at > JS_frozen.end, 1, 0.5) ? at : none);
}

static force_inline JSValue dup_value(JSContext *ctx, JSValueConst value) {
  (void)ctx;
  ++*count_of(value);
  return value;
}

static force_inline void free_value(JSContext *ctx, JSValue value) {
  int *count = count_of(value);
  if (unlikely(--*count == 0) && count != &JS_frozen.uncounted) __JS_FreeValue(ctx, value);
}

static force_inline void change_value(JSContext *ctx, JSValue *at, JSValue value) {
  JSValue old = *at;
  *at = value;
  free_value(ctx, old);
}
