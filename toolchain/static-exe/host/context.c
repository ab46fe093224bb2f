/* The JavaScript context: intrinsics, the sys binding, loading of further scripts. */
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "host.h"

enum {
  STACK_SIZE = 1 << 20,       /* below the usual 8 MiB, so deep recursion is an exception, not a crash */
  MEMORY_LIMIT = 512 << 20,   /* a runaway script must not take the node's memory */
  GC_THRESHOLD = 64 << 20,    /* cycles are collected by long runs only */
};

static JSValue evaluate(JSContext *ctx, const struct script *s) {
  /* Use the bytecode in place: the executable stays mapped. */
  JSValue fn = JS_ReadObject(ctx, s->start, (size_t)(s->end - s->start), JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
  return JS_IsException(fn) ? fn : JS_EvalFunction(ctx, fn);
}

/* Results of the scripts that have run, by index. */
static JSValue *loaded;

/* __cnikit_load(name): runs a script of the executable at the first call, and returns its __cnikit_lazy. */
static JSValue load(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  (void)this;
  const char *name = JS_ToCString(ctx, argc > 0 ? argv[0] : JS_UNDEFINED);
  if (!name) return JS_EXCEPTION;
  int found = 0;
  for (int i = 1; i < script_count; i++)
    if (!strcmp(scripts[i].name, name)) found = i;
  if (!found) JS_ThrowReferenceError(ctx, "No script %s in this executable", name);
  JS_FreeCString(ctx, name);
  if (!found || (!loaded && !(loaded = js_mallocz(ctx, (size_t)script_count * sizeof *loaded)))) return JS_EXCEPTION;
  if (!JS_IsObject(loaded[found])) {
    JSValue v = evaluate(ctx, &scripts[found]);
    if (JS_IsException(v)) return v;
    JS_FreeValue(ctx, v);
    JSValue global = JS_GetGlobalObject(ctx);
    loaded[found] = JS_GetPropertyStr(ctx, global, "__cnikit_lazy");
    JS_FreeValue(ctx, global);
  }
  return JS_DupValue(ctx, loaded[found]);
}

/* Replaces QuickJS's Math.random, because a snapshot would freeze its seed. */
static JSValue random_number(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv) {
  (void)this, (void)argc, (void)argv;
  uint64_t bits;
  if (getrandom(&bits, sizeof bits, 0) != sizeof bits) return JS_ThrowInternalError(ctx, "No randomness");
  return JS_NewFloat64(ctx, (double)(bits >> 11) / 9007199254740992.0 /* 2^53 */);
}

/* Number of unhandled rejections, and the last reason. */
static int unhandled;
static JSValue unhandled_reason;

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void *opaque) {
  (void)promise, (void)opaque;
  if (handled) {
    unhandled--; /* a handler was added later */
    return;
  }
  if (unhandled++) JS_FreeValue(ctx, unhandled_reason);
  unhandled_reason = JS_DupValue(ctx, reason);
}

int context_finish(void) {
  JSContext *of_job;
  for (int r; (r = JS_ExecutePendingJob(heap_root->rt, &of_job)) != 0;)
    if (r < 0) return -1;
  if (unhandled <= 0) return 0;
  JS_Throw(heap_root->ctx, unhandled_reason);
  return -1;
}

static int add_function(JSContext *ctx, JSValueConst object, const char *name, JSCFunction *fn, int length) {
  return JS_SetPropertyStr(ctx, object, name, JS_NewCFunction(ctx, fn, name, length));
}

static int add_globals(JSContext *ctx) {
  JSValue global = JS_GetGlobalObject(ctx);
  JSValue math = JS_GetPropertyStr(ctx, global, "Math");
  int r = cnk_quickjs_init(ctx, global) < 0 || JS_AddNative(ctx, global) < 0 ||
          add_function(ctx, global, "__cnikit_load", load, 1) < 0 ||
          /* context_start() sets it. A start should not add a property to the global object, which has 100. */
          JS_SetPropertyStr(ctx, global, "__cnikit_argv", JS_UNDEFINED) < 0 ||
          add_function(ctx, math, "random", random_number, 0) < 0;
  JS_FreeValue(ctx, math);
  JS_FreeValue(ctx, global);
  return r ? -1 : 0;
}

/*
 * Reads the entry. For a snapshot it is the file of standard input: the engine copies the bytecode into the heap, where
 * it lies beside the functions, and the executable needs no second copy.
 */
static JSValue read_entry(JSContext *ctx) {
  const struct script *s = &scripts[0];
  if (s->start) return JS_ReadObject(ctx, s->start, (size_t)(s->end - s->start), JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
  struct stat status;
  size_t size = fstat(0, &status) < 0 ? 0 : (size_t)status.st_size;
  void *bytes = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, 0, 0) : MAP_FAILED;
  if (bytes == MAP_FAILED) return JS_ThrowTypeError(ctx, "The build stage needs the entry's file as standard input");
  return JS_ReadObject(ctx, bytes, size, JS_READ_OBJ_BYTECODE);
}

/* Evaluates the entry without system calls, and makes __cnikit_main the function to run at start. */
static int prepare(JSContext *ctx) {
  cnk_quickjs_forbidden = 1;
  JSValue v = JS_EvalFunction(ctx, heap_root->entry);
  cnk_quickjs_forbidden = 0;
  heap_root->entry = JS_UNDEFINED;
  if (JS_IsException(v)) return -1;
  JS_FreeValue(ctx, v);
  JSValue global = JS_GetGlobalObject(ctx);
  heap_root->entry = JS_GetPropertyStr(ctx, global, "__cnikit_main");
  JS_FreeValue(ctx, global);
  if (JS_IsFunction(ctx, heap_root->entry)) return 0;
  JS_ThrowTypeError(ctx, "A prepared entry must set globalThis.__cnikit_main to a function");
  return -1;
}

int context_make(void) {
  JSRuntime *rt = heap_root->rt = JS_NewRuntime2(&heap_functions, NULL);
  if (!rt) return -1;
  JS_SetMaxStackSize(rt, STACK_SIZE);
  JS_SetMemoryLimit(rt, MEMORY_LIMIT);
  JS_SetGCThreshold(rt, GC_THRESHOLD);
  JS_SetHostPromiseRejectionTracker(rt, on_rejection, NULL);
  JSContext *ctx = heap_root->ctx = JS_NewContextRaw(rt);
  if (!ctx) return -1;
  heap_root->entry = read_entry(ctx);
  if (JS_IsException(heap_root->entry)) return -1;
  /* Without the Eval intrinsic the linker drops the compiler. */
  JS_AddIntrinsicBaseObjects(ctx);
  JS_AddIntrinsicDate(ctx);
  JS_AddIntrinsicRegExp(ctx);
  JS_AddIntrinsicJSON(ctx);
  JS_AddIntrinsicProxy(ctx);
  JS_AddIntrinsicMapSet(ctx);
  JS_AddIntrinsicTypedArrays(ctx);
  JS_AddIntrinsicPromise(ctx);
  JS_AddIntrinsicWeakRef(ctx);
  if (add_globals(ctx) < 0) return -1;
  if (entry_is_prepared && prepare(ctx) < 0) return -1;
  if (heap_root->stage == STAGE_BUILD) JS_JoinInstructions(rt);
  return 0;
}

int context_start(int argc, char **argv) {
  JSContext *ctx = heap_root->ctx;
  /* Not where the linker put the memory of a start in front of the snapshot. */
  const char *end = heap_start + heap_size - 1;
  if (heap_root->stage == STAGE_READY && heap_root->next > end) JS_Freeze(heap_root->rt, end);
  JSValue global = JS_GetGlobalObject(ctx), list = JS_NewArray(ctx);
  for (int i = 0; i < argc; i++) JS_SetPropertyUint32(ctx, list, (uint32_t)i, JS_NewString(ctx, argv[i]));
  int r = JS_SetPropertyStr(ctx, global, "__cnikit_argv", list);
  JS_FreeValue(ctx, global);
  return r < 0 ? -1 : 0;
}
