/* The growing text buffer behind 't' and 'l' results. */
#include "core.h"

#include <stdlib.h>

char *cnk_out_room(cnk_out *out, size_t more) {
  if (more > SIZE_MAX / 4 - out->len) return NULL;
  if (out->len + more > out->cap) {
    size_t cap = out->cap ? out->cap : 4096;
    while (cap < out->len + more) cap *= 2;
    char *data = realloc(out->data, cap);
    if (!data) return NULL;
    out->data = data;
    out->cap = cap;
  }
  return out->data + out->len;
}

int cnk_out_end(cnk_out *out) {
  if (out->count == out->ends_cap) {
    size_t cap = out->ends_cap ? out->ends_cap * 2 : 16;
    size_t *ends = realloc(out->ends, cap * sizeof *ends);
    if (!ends) return -ENOMEM;
    out->ends = ends;
    out->ends_cap = cap;
  }
  out->ends[out->count++] = out->len;
  return 0;
}

void cnk_out_free(cnk_out *out) {
  free(out->data);
  free(out->ends);
}
