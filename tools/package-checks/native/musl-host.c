/*
 * The least that the addon takes for Node, on musl: dlopen(3) of the file named on the command line, with every
 * Node-API function that it wants defined here, its registration, and a call of its getpid and of its open. Exits with
 * 0 when both answered as the kernel does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef void *value;
typedef value (*callback)(void *env, void *info);

static struct {
  const char *name;
  callback call;
  void *data;
} functions[128];
static int count;

/* Arguments and result of the current call. */
static void *data;
static const char *text;
static int64_t result;

EXPORT int napi_create_function(void *env, const char *name, size_t len, callback call, void *d, value *out) {
  (void)env, (void)len;
  if (count == sizeof functions / sizeof *functions) return 1;
  functions[count].name = name;
  functions[count].call = call;
  functions[count].data = d;
  *out = &functions[count++];
  return 0;
}

EXPORT int napi_get_cb_info(void *env, void *info, size_t *argc, value *argv, value *this, void **d) {
  (void)env, (void)info, (void)this;
  for (size_t i = 0; i < *argc; i++) argv[i] = &text;
  if (d) *d = data;
  return 0;
}

EXPORT int napi_get_value_int64(void *env, value v, int64_t *out) {
  (void)env, (void)v;
  *out = 0;
  return 0;
}

EXPORT int napi_get_value_string_utf8(void *env, value v, char *into, size_t size, size_t *len) {
  (void)env, (void)v;
  *len = strlen(text);
  if (into && size > *len) memcpy(into, text, *len + 1);
  return 0;
}

EXPORT int napi_create_int64(void *env, int64_t number, value *out) {
  (void)env;
  result = number;
  *out = &result;
  return 0;
}

EXPORT int napi_set_named_property(void *env, value object, const char *name, value v) {
  (void)env, (void)object, (void)name, (void)v;
  return 0;
}

/* Wanted, and not to be called by what is tried here. */
#define UNUSED(name) \
  EXPORT int name(void) { fputs(#name " was called\n", stderr); _exit(1); }
UNUSED(napi_add_env_cleanup_hook)
UNUSED(napi_call_function)
UNUSED(napi_call_threadsafe_function)
UNUSED(napi_create_array_with_length)
UNUSED(napi_create_external)
UNUSED(napi_create_object)
UNUSED(napi_create_string_utf8)
UNUSED(napi_create_threadsafe_function)
UNUSED(napi_fatal_exception)
UNUSED(napi_get_and_clear_last_exception)
UNUSED(napi_get_typedarray_info)
UNUSED(napi_get_undefined)
UNUSED(napi_get_value_external)
UNUSED(napi_get_value_int32)
UNUSED(napi_release_threadsafe_function)
UNUSED(napi_remove_env_cleanup_hook)
UNUSED(napi_set_element)
UNUSED(napi_set_property)
UNUSED(napi_throw_range_error)
UNUSED(napi_throw_type_error)
UNUSED(napi_typeof)

static int64_t call(const char *name, const char *argument) {
  text = argument;
  for (int i = 0; i < count; i++)
    if (strcmp(functions[i].name, name) == 0) {
      data = functions[i].data;
      functions[i].call(NULL, NULL);
      return result;
    }
  fprintf(stderr, "The addon has no %s\n", name);
  _exit(1);
}

int main(int argc, char **argv) {
  void *addon = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  value (*init)(void *, value) = addon ? (value(*)(void *, value))dlsym(addon, "napi_register_module_v1") : NULL;
  if (!init) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  init(NULL, NULL);
  int64_t pid = call("getpid", ""), missing = call("open", "/nonexistent/file");
  if (pid != getpid() || missing != -ENOENT) {
    fprintf(stderr, "getpid gave %lld, open gave %lld\n", (long long)pid, (long long)missing);
    return 1;
  }
  return 0;
}
