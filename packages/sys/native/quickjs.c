/*
 * The binding for QuickJS: the rows of CNK_TABLE as globalThis.__cnikit_sys.
 * Compiled into the executables that toolchain/static-exe makes.
 */
#include "core.h"

#include <string.h>

#include "quickjs.h"

int cnk_quickjs_init(JSContext *ctx, JSValueConst global);

/* Set while the build prepares an executable's start: system calls of the build machine would be wrong. */
int cnk_quickjs_forbidden;

typedef struct {
  const char *args;
  unsigned char count; /* number of arguments */
  char result;
  cnk_fn fn;
} entry;

#define ENTRY(name, args, result) {args, sizeof args - 1, result, cnk_##name},
static const entry entries[] = {CNK_TABLE(ENTRY)};

#define INDEX(name, args, result) INDEX_##name,
enum { CNK_TABLE(INDEX) };

static JSValue text(JSContext *ctx, const char *data, size_t len) { return JS_NewStringLen(ctx, data, len); }

static int set_element(JSContext *ctx, JSValueConst list, uint32_t i, const char *piece, size_t len) {
  JSValue v = text(ctx, piece, len);
  return JS_IsException(v) ? -1 : JS_SetPropertyUint32(ctx, list, i, v);
}

/* Ignores a piece without a name. */
static int set_named(JSContext *ctx, JSValueConst object, const char *piece, size_t len) {
  size_t name = cnk_name_length(piece, len);
  if (name == 0) return 0;
  JSAtom atom = JS_NewAtomLen(ctx, piece, name);
  JSValue v = atom == JS_ATOM_NULL ? JS_EXCEPTION : text(ctx, piece + name + 1, len - name - 1);
  int r = JS_IsException(v) ? -1 : JS_SetProperty(ctx, object, atom, v);
  JS_FreeAtom(ctx, atom);
  return r;
}

static JSValue result_of(JSContext *ctx, const entry *e, int64_t r, const cnk_out *out) {
  if (r < 0 || e->result == 'i') return JS_NewInt64(ctx, r);
  if (e->result == 't') return text(ctx, out->data, out->len);
  JSValue v = e->result == 'l' ? JS_NewArray(ctx) : JS_NewObject(ctx);
  for (size_t i = 0, start = 0; i < out->count; start = out->ends[i++]) {
    const char *piece = out->data + start;
    size_t len = out->ends[i] - start;
    if ((e->result == 'l' ? set_element(ctx, v, (uint32_t)i, piece, len) : set_named(ctx, v, piece, len)) < 0) {
      JS_FreeValue(ctx, v);
      return JS_EXCEPTION;
    }
  }
  return v;
}

/* Returns the memory of a byte array, which stays valid: no JavaScript runs before the function returns. */
static int bytes_of(JSContext *ctx, JSValueConst v, cnk_arg *a) {
  size_t offset, element, size;
  JSValue buffer = JS_GetTypedArrayBuffer(ctx, v, &offset, &a->len, &element);
  if (JS_IsException(buffer)) return -1; /* a TypeError is pending */
  uint8_t *start = JS_GetArrayBuffer(ctx, &size, buffer);
  JS_FreeValue(ctx, buffer);
  if (!start && size) return -1;
  if (element != 1) {
    JS_ThrowTypeError(ctx, "Expected a Uint8Array");
    return -1;
  }
  a->bytes = start ? start + offset : NULL;
  return 0;
}

static JSValue call(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv, int magic) {
  (void)this;
  const entry *e = &entries[magic];
  cnk_arg a[CNK_MAX_ARGS];
  JSValue v = JS_EXCEPTION;
  int64_t r = 0;
  size_t i = 0;
  if (cnk_quickjs_forbidden) return JS_ThrowTypeError(ctx, "System calls are not available while the executable is built: call sys in __cnikit_main");
  if (argc < e->count) return JS_ThrowTypeError(ctx, "Too few arguments");
  for (; i < e->count; i++) {
    char kind = e->args[i];
    a[i] = (cnk_arg){0};
    if (kind == 'i') {
      if (!JS_IsNumber(argv[i])) {
        JS_ThrowTypeError(ctx, "Expected a number");
        goto done;
      }
      JS_ToInt64(ctx, &a[i].num, argv[i]);
    } else if (kind == 'b') {
      if (bytes_of(ctx, argv[i], &a[i]) < 0) goto done;
    } else {
      if (!JS_IsString(argv[i])) {
        JS_ThrowTypeError(ctx, "Expected a string");
        goto done;
      }
      a[i].text = JS_ToCStringLen(ctx, &a[i].len, argv[i]);
      if (!a[i].text) goto done;
      if (kind == 'p' && strlen(a[i].text) != a[i].len) r = -EINVAL;
    }
  }
  cnk_out out;
  cnk_out_init(&out);
  if (r == 0) r = e->fn(a, &out);
  v = result_of(ctx, e, r, &out);
  cnk_out_free(&out);
done:
  while (i-- > 0)
    if (a[i].text) JS_FreeCString(ctx, a[i].text);
  return v;
}

/* QuickJS defines the functions lazily: one that is not called costs no object. */
#define FUNCTION(name, args, result) JS_CFUNC_MAGIC_DEF(#name, sizeof args - 1, call, INDEX_##name),
static const JSCFunctionListEntry functions[] = {CNK_TABLE(FUNCTION)};

int cnk_quickjs_init(JSContext *ctx, JSValueConst global) {
  JSValue sys = JS_NewObject(ctx);
  if (JS_IsException(sys)) return -1;
  JS_SetPropertyFunctionList(ctx, sys, functions, sizeof functions / sizeof *functions);
  return JS_SetPropertyStr(ctx, global, "__cnikit_sys", sys);
}
