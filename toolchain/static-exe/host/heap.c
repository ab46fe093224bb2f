/*
 * Allocator for programs that run for milliseconds: a bump pointer, and a free
 * list per size class so that a long run stays small. It saves a third of the
 * start-up time compared with musl's malloc.
 *
 * A block is [8 bytes: payload size][payload]. The payload is 8-aligned: the engine needs no more, and an alignment of
 * 16 makes a snapshot an eighth larger.
 */
#include "heap.h"

#include <string.h>
#include <sys/mman.h>

#ifndef HEAP_SIZE
#define HEAP_SIZE (4 << 20) /* for the build stage; relinked with the size in use */
#endif

enum { HEADER = 8, UNIT = HEAP_UNIT, SMALL = HEAP_SMALL, LARGE = 256 << 10, CHUNK = 1 << 20, FRESH_SIZE = 512 << 10, PAGE = 4096 };

static char heap[HEAP_SIZE] __attribute__((aligned(4096), section(".cnk_heap"))) = {0};

/* Allocations of a start, outside the snapshot: zero pages, which cost nothing until they are used. */
static char fresh[FRESH_SIZE] __attribute__((aligned(PAGE)));

struct heap_root *const heap_root = (struct heap_root *)heap;
char *const heap_start = heap;
const size_t heap_size = HEAP_SIZE;

static size_t payload_of(const void *p) { return ((const uint64_t *)p)[-1]; }

/* The class of a block of at least `size` bytes with its header, and what it is rounded up to. */
static int class_of(size_t *size) {
  if (*size <= SMALL) {
    *size = (*size + UNIT - 1) & ~(size_t)(UNIT - 1);
    return (int)(*size / UNIT) - 1;
  }
  /* Beyond: four steps for each doubling, so at most a fifth is wasted. */
  int log = 63 - __builtin_clzl(*size - 1);
  size_t step = (size_t)1 << (log - 2);
  *size = (*size + step - 1) & ~(step - 1);
  log = 63 - __builtin_clzl(*size);
  return SMALL / UNIT + 4 * (log - 10) + (int)((*size >> (log - 2)) & 3);
}

static void *map(size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

static void *bump(size_t size) {
  struct heap_root *root = heap_root;
  if (!root->next) {
    root->next = heap + ((sizeof *root + UNIT - 1) & ~(size_t)(UNIT - 1));
    root->end = heap + HEAP_SIZE;
  }
  if (size > (size_t)(root->end - root->next)) {
    char *chunk = map(CHUNK); /* loses the rest of the old one: less than LARGE */
    if (!chunk) return NULL;
    root->next = chunk;
    root->end = chunk + CHUNK;
  }
  char *block = root->next;
  root->next += size;
  return block;
}

/*
 * A part of what was freed: a context's tables leave large blocks behind each time they grow, which nothing of that size
 * will ask for again, and a snapshot would carry them along. Only while it is made: a start does not look for room.
 */
static char *part_of_hole(size_t size) {
  static char *hole, *hole_end;
  if (size > (size_t)(hole_end - hole)) {
    int class = FREE_LISTS - 1;
    while (class >= HEAP_SMALL / HEAP_UNIT && !heap_root->free_lists[class]) class--;
    void *p = class < HEAP_SMALL / HEAP_UNIT ? NULL : heap_root->free_lists[class];
    if (!p || payload_of(p) < size) return NULL;
    heap_root->free_lists[class] = *(void **)p;
    hole = (char *)p - HEADER;
    hole_end = (char *)p + payload_of(p);
  }
  char *block = hole;
  hole += size;
  return block;
}

/* Writes the size of the payload in front of it and returns the payload. */
static void *payload_in(char *block, size_t payload) {
  *(uint64_t *)block = payload;
  return block + HEADER;
}

/* The last block that was not small is memory that nothing has used. */
static int unused;

int heap_gave_zeros(size_t size) { return size > SMALL && unused; }

static void *allocate(size_t wanted) {
  if (wanted > SIZE_MAX / 4) return NULL;
  size_t size = wanted + HEADER;
  int class = class_of(&size);
  char *block;
  /* Large blocks are the kernel's: they are few, and giving them back matters. But a snapshot holds the section only. */
  if (size > LARGE && heap_root->stage != STAGE_BUILD) {
    size = (wanted + HEADER + PAGE - 1) & ~(size_t)(PAGE - 1);
    block = map(size);
    unused = 1;
    return block ? payload_in(block, size - HEADER) : NULL;
  }
  void **list = &heap_root->free_lists[class];
  if (*list) {
    void *p = *list;
    *list = *(void **)p;
    unused = 0;
    return p;
  }
  block = heap_root->stage == STAGE_BUILD ? part_of_hole(size) : NULL;
  unused = !block;
  if (!block) block = bump(size);
  return block ? payload_in(block, size - HEADER) : NULL;
}

static void release(void *p) {
  size_t payload = payload_of(p), size = payload + HEADER;
  int in_section = (char *)p >= heap && (char *)p < heap + HEAP_SIZE;
  if (size > LARGE && !in_section) {
    munmap((char *)p - HEADER, size);
    return;
  }
  void **list = &heap_root->free_lists[class_of(&size)];
  *(void **)p = *list;
  *list = p;
}

/* Apart, so that the usual way saves no registers. */
static __attribute__((noinline)) void *malloc_any(JSMallocState *s, size_t size) {
  void *p = allocate(size);
  if (p) {
    s->malloc_count++;
    s->malloc_size += payload_of(p) + HEADER;
  }
  return p;
}

static __attribute__((noinline)) void release_any(void *p) { release(p); }

/* The free list of small blocks with this payload, which is a multiple of 8. */
static void **small_list(size_t payload) { return &heap_root->free_lists[(payload + HEADER) / UNIT - 1]; }

static void *heap_malloc(JSMallocState *s, size_t size) {
  if (size == 0) size = 1; /* a free block holds a pointer */
  if (s->malloc_size + size > s->malloc_limit) return NULL;
  if (size > SMALL - HEADER) return malloc_any(s, size);
  /* Nearly all: a block that was freed, or the next one. */
  size_t payload = (size + UNIT - 1) & ~(size_t)(UNIT - 1);
  void **list = small_list(payload), *block = *list;
  if (block) {
    *list = *(void **)block;
  } else {
    struct heap_root *root = heap_root;
    if (root->stage == STAGE_BUILD || payload + HEADER > (size_t)(root->end - root->next)) return malloc_any(s, size);
    block = payload_in(root->next, payload);
    root->next += payload + HEADER;
  }
  s->malloc_count++;
  s->malloc_size += payload + HEADER;
  return block;
}

static void heap_free(JSMallocState *s, void *p) {
  if (!p) return;
  size_t payload = payload_of(p);
  s->malloc_count--;
  s->malloc_size -= payload + HEADER;
  if (payload > SMALL - HEADER) {
    release_any(p);
    return;
  }
  void **list = small_list(payload);
  *(void **)p = *list;
  *list = p;
}

static void *heap_realloc(JSMallocState *s, void *p, size_t size) {
  if (!p) return size ? heap_malloc(s, size) : NULL;
  if (!size) {
    heap_free(s, p);
    return NULL;
  }
  size_t old = payload_of(p);
  if (size <= old) return p;
  void *q = heap_malloc(s, size);
  if (!q) return NULL;
  memcpy(q, p, old);
  heap_free(s, p);
  return q;
}

void heap_seal(void) {
  /* The holes that the making of the context has left lie all over the snapshot: to fill them would copy its pages. */
  memset(heap_root->free_lists, 0, sizeof heap_root->free_lists);
  heap_root->next = fresh;
  heap_root->end = fresh + FRESH_SIZE;
}

const JSMallocFunctions heap_functions = {heap_malloc, heap_free, heap_realloc, payload_of};
