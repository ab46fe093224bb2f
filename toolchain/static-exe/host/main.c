/*
 * The host of a static executable: starts the engine, runs the entry script, exits.
 *
 * Creating the engine's context takes longer than most scripts run, and always
 * has the same result. So the build runs the linked executable once
 * (STAGE_BUILD): it creates the context in its heap section and writes the
 * section to stdout, and the build puts these bytes back into the section. From
 * then on (STAGE_READY) a start finds the finished context. This is sound for
 * three reasons. The executable is not position-independent, so pointers between
 * heap, code and data stay valid. The engine keeps no state outside its heap.
 * This file sets again what differs between starts: stack, arguments, randomness.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "host.h"

enum { EX_SOFTWARE = 70 };

static void put(int fd, const char *text, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, text, len);
    if (n <= 0) return;
    text += n;
    len -= (size_t)n;
  }
}

static void put_value(JSContext *ctx, JSValueConst v) {
  const char *text = JS_ToCString(ctx, v);
  if (!text) return;
  put(2, text, strlen(text));
  put(2, "\n", 1);
  JS_FreeCString(ctx, text);
}

/* Handles an uncaught exception: prints it with its stack to stderr, crash_text to stdout, and exits with status 70. */
static void __attribute__((noreturn)) crash(JSContext *ctx) {
  if (!ctx) {
    static const char message[] = "Cannot start the JavaScript engine: out of memory\n";
    put(2, message, sizeof message - 1);
  } else {
    JSValue error = JS_GetException(ctx);
    put_value(ctx, error);
    JSValue stack = JS_IsError(ctx, error) ? JS_GetPropertyStr(ctx, error, "stack") : JS_UNDEFINED;
    if (JS_IsString(stack)) put_value(ctx, stack);
  }
  put(1, crash_text, strlen(crash_text));
  _exit(EX_SOFTWARE);
}

/* The engine's clock. It stands still in the build stage, so that equal input gives equal bytes. */
int __real_gettimeofday(struct timeval *tv, void *zone);
int __wrap_gettimeofday(struct timeval *tv, void *zone);
int __wrap_gettimeofday(struct timeval *tv, void *zone) {
  if (heap_root->stage != STAGE_BUILD) return __real_gettimeofday(tv, zone);
  *tv = (struct timeval){0};
  return 0;
}

/* Clears the engine's stack limits, which are valid in one process only. JS_UpdateStackTop() sets them at each start. */
static void forget_stack(uintptr_t here) {
  for (uintptr_t *word = (uintptr_t *)heap_start; word < (uintptr_t *)heap_root->next; word++)
    if (*word - (here - (2 << 20)) < (4 << 20)) *word = 0;
}

/* Writes the section to stdout for the build. */
static void __attribute__((noreturn)) write_snapshot(void) {
  if (heap_root->next < heap_start || heap_root->next > heap_start + heap_size) {
    static const char message[] = "The snapshot does not fit its section\n";
    put(2, message, sizeof message - 1);
    _exit(EX_SOFTWARE);
  }
  forget_stack((uintptr_t)__builtin_frame_address(0));
  heap_root->stage = STAGE_READY;
  heap_root->used = (uint64_t)(heap_root->next - heap_start);
  heap_seal();
  JS_MakeImmortal(heap_root->rt);
  put(1, heap_start, heap_size);
  _exit(0);
}

int main(int argc, char **argv) {
  /* A reader that went away is EPIPE to the script, not the end of it half-way. */
  signal(SIGPIPE, SIG_IGN);
  if (heap_root->stage != STAGE_READY && context_make() < 0) crash(heap_root->ctx);
  if (heap_root->stage == STAGE_BUILD) {
    if (JS_MakeLiterals(heap_root->ctx) < 0 || JS_MakeNamed(heap_root->ctx) < 0) crash(heap_root->ctx);
    write_snapshot();
  }
  cnk_ends_soon = 1;
  JSContext *ctx = heap_root->ctx;
  JS_UpdateStackTop(heap_root->rt);
  if (context_start(argc, argv) < 0) crash(ctx);
  JSValue v = entry_is_prepared ? JS_Call(ctx, heap_root->entry, JS_UNDEFINED, 0, NULL)
                                : JS_EvalFunction(ctx, heap_root->entry);
  if (JS_IsException(v) || context_finish() < 0) crash(ctx);
  /* Nothing is freed: the kernel does that faster. */
  _exit(0);
}
