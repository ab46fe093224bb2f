/* compile IN.js OUT.bin [debug]: compiles a script to bytecode, with lines or stripped, by the engine of the executable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quickjs.h"

static char *read_file(const char *path, size_t *len) {
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) < 0) return NULL;
  long size = ftell(f);
  char *text = size < 0 ? NULL : malloc((size_t)size + 1);
  if (!text) return NULL;
  rewind(f);
  *len = fread(text, 1, (size_t)size, f);
  text[*len] = 0; /* JS_Eval needs it */
  fclose(f);
  return text;
}

/* Stands for that of host/heap.c, which the compiler lacks: memory of malloc() may be used. */
int heap_gave_zeros(size_t size) {
  (void)size;
  return 0;
}

int main(int argc, char **argv) {
  size_t len, size;
  char *source = argc >= 3 ? read_file(argv[1], &len) : NULL;
  if (!source) {
    fprintf(stderr, "usage: compile IN.js OUT.bin [debug] (cannot read the script)\n");
    return 2;
  }
  JSRuntime *rt = JS_NewRuntime();
  JS_SetStripInfo(rt, argc > 3 ? JS_STRIP_SOURCE : JS_STRIP_SOURCE | JS_STRIP_DEBUG);
  JS_SetMaxStackSize(rt, 4 << 20);
  JSContext *ctx = JS_NewContext(rt);
  JSValue fn = JS_Eval(ctx, source, len, argv[1], JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_STRICT | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(fn)) {
    JSValue error = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, error);
    fprintf(stderr, "%s: %s\n", argv[1], text ? text : "?");
    return 1;
  }
  uint8_t *code = JS_WriteObject(ctx, &size, fn, JS_WRITE_OBJ_BYTECODE);
  FILE *f = code ? fopen(argv[2], "wb") : NULL;
  if (!f || fwrite(code, 1, size, f) != size || fclose(f) != 0) {
    fprintf(stderr, "%s: cannot write\n", argv[2]);
    return 1;
  }
  return 0;
}
