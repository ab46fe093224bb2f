/* The growing text buffer behind 't' and 'l' results. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

void cnk_out_init(cnk_out *out) {
  /* No memset: most of the buffer is never read. */
  out->data = out->first_data;
  out->cap = sizeof out->first_data;
  out->ends = out->first_ends;
  out->ends_cap = sizeof out->first_ends / sizeof *out->first_ends;
  out->len = out->count = 0;
}

/* Grows `old` to `size` bytes and keeps its `used` bytes; memory inside the cnk_out is not freed. */
static void *grow(void *old, int inside, size_t used, size_t size) {
  void *p = realloc(inside ? NULL : old, size);
  if (p && inside) memcpy(p, old, used);
  return p;
}

char *cnk_out_room(cnk_out *out, size_t more) {
  if (more > SIZE_MAX / 4 - out->len) return NULL;
  if (out->len + more > out->cap) {
    size_t cap = out->cap;
    while (cap < out->len + more) cap *= 2;
    char *data = grow(out->data, out->data == out->first_data, out->len, cap);
    if (!data) return NULL;
    out->data = data;
    out->cap = cap;
  }
  return out->data + out->len;
}

int cnk_out_end(cnk_out *out) {
  if (out->count == out->ends_cap) {
    size_t cap = out->ends_cap * 2;
    size_t *ends = grow(out->ends, out->ends == out->first_ends, out->count * sizeof *ends, cap * sizeof *ends);
    if (!ends) return -ENOMEM;
    out->ends = ends;
    out->ends_cap = cap;
  }
  out->ends[out->count++] = out->len;
  return 0;
}

void cnk_out_free(cnk_out *out) {
  if (out->data != out->first_data) free(out->data);
  if (out->ends != out->first_ends) free(out->ends);
}

size_t cnk_name_length(const char *text, size_t len) {
  const char *sign = memchr(text, '=', len);
  return sign ? (size_t)(sign - text) : 0;
}
