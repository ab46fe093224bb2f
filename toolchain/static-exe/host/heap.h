/*
 * The engine's heap: an arena in a separate section, so that the build can put
 * a finished heap into the executable ("snapshot", see main.c).
 */
#ifndef CNIKIT_HEAP_H
#define CNIKIT_HEAP_H

#include <stdint.h>

#include "quickjs.h"

enum stage {
  STAGE_BUILD = 0, /* as linked: make the context, write the section to stdout, end */
  STAGE_PLAIN = 1, /* no snapshot: make the context at each start */
  STAGE_READY = 2, /* the section holds the context */
};

enum { HEAP_UNIT = 8, HEAP_SMALL = 1024, FREE_LISTS = HEAP_SMALL / HEAP_UNIT + 4 * 16 };

/* The head of the section; toolchain/static-exe writes `stage` alone when it makes no snapshot. */
struct heap_root {
  uint64_t stage;
  uint64_t used; /* bytes of the section in use, page-rounded; STAGE_BUILD reports it to the build */
  char *next, *end;
  void *free_lists[FREE_LISTS];
  JSRuntime *rt;
  JSContext *ctx;
  JSValue entry; /* the function to call at start */
};

extern struct heap_root *const heap_root;
extern const JSMallocFunctions heap_functions;

/* Returns 1 when the last block, of this size, is zero already. */
int heap_gave_zeros(size_t size);

/* Makes later allocations separate from the current content of the section. */
void heap_seal(void);

/* The section, for writing it out. */
extern char *const heap_start;
extern const size_t heap_size;

#endif
