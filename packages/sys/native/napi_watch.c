/*
 * Watches a descriptor, for Node only: a thread waits in poll(2), and a thread-safe
 * function notifies the event loop.
 *
 * After a notification the thread waits for `wake`, which the event loop writes when
 * the callback has run. So a slow reader is not flooded, and unread data causes
 * another notification (level-triggered, like poll).
 */
#include "core.h"

#include <node_api.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { EFD_CLOEXEC_ = 02000000, POLLABLE = POLLIN | POLLERR | POLLHUP };

typedef struct {
  int fd, wake;        /* wake: an eventfd, written to re-arm or to stop */
  _Atomic int stopped; /* set before wake is written for the last time */
  int joined;          /* event loop thread only */
  pthread_t thread;    /* one word in glibc and in musl */
  napi_env env;
  napi_threadsafe_function notify;
} watch;

static void *poll_thread(void *arg) {
  watch *w = arg;
  int armed = 1;
  while (!w->stopped) {
    struct pollfd p[2] = {{w->wake, POLLIN, 0}, {armed ? w->fd : -1, POLLIN, 0}};
    if (CNK_RETRY(syscall(SYS_ppoll, p, 2, NULL, NULL, 0)) < 0) break;
    uint64_t count;
    if (p[0].revents) {
      (void)CNK_RETRY(syscall(SYS_read, w->wake, &count, sizeof count));
      armed = 1;
    } else if (p[1].revents) {
      armed = 0;
      if (napi_call_threadsafe_function(w->notify, NULL, napi_tsfn_nonblocking) != napi_ok) break;
    }
  }
  return NULL;
}

static void wake(watch *w) {
  const uint64_t one = 1;
  (void)CNK_RETRY(syscall(SYS_write, w->wake, &one, sizeof one));
}

/* On the event loop: runs the callback, then lets the thread poll again. */
static void on_notified(napi_env env, napi_value callback, void *context, void *data) {
  watch *w = context;
  (void)data;
  if (!env || w->stopped) return; /* notified before it was closed: the caller expects no call */
  napi_value undefined, error;
  napi_get_undefined(env, &undefined);
  if (napi_call_function(env, undefined, callback, 0, NULL, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error); /* like any other event: 'uncaughtException' */
  if (!w->stopped) wake(w);
}

/* The thread never waits for the event loop, so joining it is fast and cannot deadlock. */
static void stop(watch *w) {
  if (w->joined) return;
  w->joined = 1;
  w->stopped = 1;
  wake(w);
  pthread_join(w->thread, NULL);
  syscall(SYS_close, w->wake);
}

static void on_env_end(void *arg) { stop(arg); }

/* Runs last, when neither queue nor thread refers to the watch. */
static void on_released(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

static napi_value failed(napi_env env, int64_t error) {
  napi_value v;
  napi_create_int64(env, error, &v);
  return v;
}

/* watchOpen(fd, callback): a handle, or -errno. */
napi_value cnk_watch_open(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2], name, handle;
  int32_t fd;
  napi_valuetype type;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 2 || napi_get_value_int32(env, argv[0], &fd) != napi_ok || napi_typeof(env, argv[1], &type) != napi_ok ||
      type != napi_function) {
    napi_throw_type_error(env, NULL, "watchOpen: expected a number and a function");
    return NULL;
  }
  if (syscall(SYS_fcntl, fd, 1 /* F_GETFD */) < 0) return failed(env, -(int64_t)errno);
  watch *w = calloc(1, sizeof *w);
  if (!w) return failed(env, -ENOMEM);
  w->fd = fd;
  w->env = env;
  int64_t made = cnk_result(syscall(SYS_eventfd2, 0, EFD_CLOEXEC_));
  if (made < 0) {
    free(w);
    return failed(env, made);
  }
  w->wake = (int)made;
  napi_create_string_utf8(env, "cnikit_sys.watch", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, argv[1], NULL, name, 0, 1, w, on_released, w, on_notified, &w->notify) != napi_ok) {
    syscall(SYS_close, w->wake);
    free(w);
    return failed(env, -ENOMEM);
  }
  /* Blocks signals in the thread, which inherits the mask: libuv's handlers belong to the main thread. */
  const uint64_t all = ~(uint64_t)0;
  uint64_t before;
  syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &before, sizeof all);
  int error = pthread_create(&w->thread, NULL, poll_thread, w);
  syscall(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &before, NULL, sizeof before);
  if (error) {
    syscall(SYS_close, w->wake);
    napi_release_threadsafe_function(w->notify, napi_tsfn_abort); /* frees w */
    return failed(env, -error);
  }
  napi_add_env_cleanup_hook(env, on_env_end, w);
  napi_create_external(env, w, NULL, NULL, &handle);
  return handle;
}

/* watchClose(handle): the TypeScript side calls it once. */
napi_value cnk_watch_close(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  void *data;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 1 || napi_get_value_external(env, argv[0], &data) != napi_ok) {
    napi_throw_type_error(env, NULL, "watchClose: expected a handle");
    return NULL;
  }
  watch *w = data;
  stop(w);
  napi_remove_env_cleanup_hook(env, on_env_end, w);
  napi_release_threadsafe_function(w->notify, napi_tsfn_abort); /* frees w, later, on the event loop */
  return NULL;
}
