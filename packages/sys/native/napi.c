/*
 * The Node addon: the rows of CNK_TABLE as functions of a plain object.
 * Needs Node-API 8 and no symbol beyond it and plain libc.
 */
#include "core.h"

#include <node_api.h>
#include <stdlib.h>
#include <string.h>

napi_value cnk_watch_open(napi_env env, napi_callback_info info);
napi_value cnk_watch_close(napi_env env, napi_callback_info info);
napi_value cnk_release_memory(napi_env env, napi_callback_info info); /* napi_memory.c */

typedef struct {
  const char *name, *args;
  char result;
  cnk_fn fn;
} entry;

#define ENTRY(name, args, result) {#name, args, result, cnk_##name},
static const entry entries[] = {CNK_TABLE(ENTRY)};

static napi_value type_error(napi_env env, const entry *e, const char *what) {
  char message[128];
  size_t n = strlen(e->name), m = strlen(what);
  memcpy(message, e->name, n);
  memcpy(message + n, what, m + 1);
  napi_throw_type_error(env, NULL, message);
  return NULL;
}

/* Converts text; invalid UTF-8 becomes U+FFFD. */
static napi_value text(napi_env env, const char *data, size_t len) {
  napi_value v = NULL;
  if (napi_create_string_utf8(env, data, len, &v) != napi_ok)
    napi_throw_range_error(env, NULL, "Text too long for a string");
  return v;
}

static int set_element(napi_env env, napi_value list, uint32_t i, const char *piece, size_t len) {
  napi_value v = text(env, piece, len);
  return v && napi_set_element(env, list, i, v) == napi_ok ? 0 : -1;
}

/* Ignores a piece without a name. */
static int set_named(napi_env env, napi_value object, const char *piece, size_t len) {
  size_t name = cnk_name_length(piece, len);
  if (name == 0) return 0;
  napi_value key = text(env, piece, name), v = text(env, piece + name + 1, len - name - 1);
  return key && v && napi_set_property(env, object, key, v) == napi_ok ? 0 : -1;
}

static napi_value result_of(napi_env env, const entry *e, int64_t r, const cnk_out *out) {
  napi_value v;
  if (r < 0 || e->result == 'i') {
    napi_create_int64(env, r, &v);
    return v;
  }
  if (e->result == 't') return text(env, out->data, out->len);
  if (e->result == 'l') napi_create_array_with_length(env, out->count, &v);
  else napi_create_object(env, &v);
  for (size_t i = 0, start = 0; i < out->count; start = out->ends[i++]) {
    const char *piece = out->data + start;
    size_t len = out->ends[i] - start;
    if ((e->result == 'l' ? set_element(env, v, (uint32_t)i, piece, len) : set_named(env, v, piece, len)) < 0) return NULL;
  }
  return v;
}

static napi_value call(napi_env env, napi_callback_info info) {
  void *data;
  size_t argc = CNK_MAX_ARGS;
  napi_value argv[CNK_MAX_ARGS], v = NULL;
  napi_get_cb_info(env, info, &argc, argv, NULL, &data);
  const entry *e = data;
  cnk_arg a[CNK_MAX_ARGS];
  void *owned[CNK_MAX_ARGS] = {0};
  int64_t r = 0;
  memset(a, 0, sizeof a);
  if (argc < strlen(e->args)) return type_error(env, e, ": too few arguments");
  for (size_t i = 0; e->args[i]; i++) {
    char kind = e->args[i];
    if (kind == 'i') {
      if (napi_get_value_int64(env, argv[i], &a[i].num) != napi_ok) {
        type_error(env, e, ": expected a number");
        goto done;
      }
    } else if (kind == 'b') {
      napi_typedarray_type type;
      napi_value buffer;
      size_t offset;
      /* The memory stays valid: no JavaScript runs before the function returns. */
      if (napi_get_typedarray_info(env, argv[i], &type, &a[i].len, (void **)&a[i].bytes, &buffer, &offset) != napi_ok ||
          type != napi_uint8_array) {
        type_error(env, e, ": expected a Uint8Array");
        goto done;
      }
    } else {
      size_t len;
      if (napi_get_value_string_utf8(env, argv[i], NULL, 0, &len) != napi_ok) {
        type_error(env, e, ": expected a string");
        goto done;
      }
      char *copy = owned[i] = malloc(len + 1);
      if (!copy) {
        r = -ENOMEM;
        break;
      }
      napi_get_value_string_utf8(env, argv[i], copy, len + 1, &a[i].len);
      a[i].text = copy;
      if (kind == 'p' && strlen(copy) != a[i].len) r = -EINVAL;
    }
  }
  cnk_out out;
  cnk_out_init(&out);
  if (r == 0) r = e->fn(a, &out);
  v = result_of(env, e, r, &out);
  cnk_out_free(&out);
done:
  for (size_t i = 0; i < CNK_MAX_ARGS; i++) free(owned[i]);
  return v;
}

NAPI_MODULE_INIT() {
  napi_value fn;
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
    napi_create_function(env, entries[i].name, NAPI_AUTO_LENGTH, call, (void *)&entries[i], &fn);
    napi_set_named_property(env, exports, entries[i].name, fn);
  }
  napi_create_function(env, "watchOpen", NAPI_AUTO_LENGTH, cnk_watch_open, NULL, &fn);
  napi_set_named_property(env, exports, "watchOpen", fn);
  napi_create_function(env, "watchClose", NAPI_AUTO_LENGTH, cnk_watch_close, NULL, &fn);
  napi_set_named_property(env, exports, "watchClose", fn);
  napi_create_function(env, "releaseMemory", NAPI_AUTO_LENGTH, cnk_release_memory, NULL, &fn);
  napi_set_named_property(env, exports, "releaseMemory", fn);
  return exports;
}
