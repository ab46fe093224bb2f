/*
 * The C core of @cnikit/sys: one function for each row of CNK_TABLE, called by
 * two thin bindings (napi.c for Node, quickjs.c for the static executable).
 *
 * Rules that keep it safe and portable:
 *  - A function returns >= 0, or -errno. It never prints and never exits, except
 *    exit() and a thread that cannot return to its network namespace.
 *  - The Node addon is compiled once against musl's headers and loaded into
 *    processes that run on glibc or musl. The two disagree on the layout of
 *    struct stat, struct dirent, sigset_t, struct sigaction and the
 *    posix_spawn types, so none of these crosses a call here: such calls go to
 *    the kernel by syscall(2), whose layouts are the kernel's and are the same
 *    under both. Only pointers, integers and struct timespec/pollfd/iovec
 *    (identical on 64-bit Linux) are shared with libc.
 *  - Only *at() forms of system calls: arm64 has only these.
 *  - Every file descriptor is close-on-exec.
 */
#ifndef CNIKIT_CORE_H
#define CNIKIT_CORE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One argument, filled by the binding after the letter in the table. */
typedef struct {
  int64_t num;      /* 'i' */
  const char *text; /* 'p', 't': UTF-8, NUL added after len bytes */
  uint8_t *bytes;   /* 'b': the memory of a Uint8Array, valid during the call */
  size_t len;       /* length of text or bytes */
} cnk_arg;

/*
 * Text that a function returns: one or more pieces in one buffer. The first buffer is
 * part of the struct, so that most calls allocate nothing.
 */
typedef struct {
  char *data;
  size_t len, cap;
  size_t *ends; /* end of piece i in data */
  size_t count, ends_cap;
  size_t first_ends[64];
  char first_data[4096];
} cnk_out;

typedef int64_t (*cnk_fn)(const cnk_arg *a, cnk_out *out);

/*
 * X(name, arguments, result)
 *   arguments: i integer, p text without NUL (a path), t any text, b Uint8Array
 *   result:    i the number itself, t one text, l a list of texts, m an object made
 *              of texts name=value; for t, l and m a negative number (-errno) on failure
 */
#define CNK_TABLE(X)             \
  X(open, "pii", 'i')            \
  X(close, "i", 'i')             \
  X(read, "ib", 'i')             \
  X(write, "ib", 'i')            \
  X(readText, "pi", 't')         \
  X(readFdText, "ii", 't')       \
  X(writeText, "ptii", 'i')      \
  X(writeFdText, "it", 'i')      \
  X(fsync, "i", 'i')             \
  X(flock, "ii", 'i')            \
  X(rename, "pp", 'i')           \
  X(link, "pp", 'i')             \
  X(unlink, "p", 'i')            \
  X(mkdir, "pi", 'i')            \
  X(rmdir, "p", 'i')             \
  X(readdir, "p", 'l')           \
  X(chmod, "pi", 'i')            \
  X(stat, "pb", 'i')             \
  X(readlink, "p", 't')          \
  X(getpid, "", 'i')             \
  X(environ, "t", 'm')           \
  X(exit, "i", 'i')              \
  X(clock, "i", 'i')             \
  X(sleepMs, "i", 'i')           \
  X(random, "b", 'i')            \
  X(run, "ttitib", 'l')          \
  X(setns, "ii", 'i')            \
  X(unshare, "i", 'i')           \
  X(mount, "pppip", 'i')         \
  X(umount, "pi", 'i')           \
  X(inNetns, "p", 'i')           \
  X(socket, "iiii", 'i')         \
  X(openNetlink, "iib", 'i')     \
  X(bindNetlink, "ii", 'i')      \
  X(bindUnix, "ip", 'i')         \
  X(connectUnix, "ip", 'i')      \
  X(setsockopt, "iiii", 'i')     \
  X(getsockopt, "iiib", 'i')     \
  X(ifreq, "iipb", 'i')          \
  X(driver, "ip", 't')           \
  X(send, "ib", 'i')             \
  X(sendDetached, "ibp", 'i')    \
  X(recv, "ibi", 'i')            \
  X(poll, "iii", 'i')            \
  X(sha512, "t", 't')

#define CNK_MAX_ARGS 6

#define CNK_DECLARE(name, args, result) int64_t cnk_##name(const cnk_arg *a, cnk_out *out);
CNK_TABLE(CNK_DECLARE)
#undef CNK_DECLARE

/* out.c: initialises an empty buffer. */
void cnk_out_init(cnk_out *out);
/* Room for `more` bytes behind data+len, or NULL when memory is short. */
char *cnk_out_room(cnk_out *out, size_t more);
/* Ends a piece at the current length. 0, or -ENOMEM. */
int cnk_out_end(cnk_out *out);
void cnk_out_free(cnk_out *out);
/* The length of the name in a text name=value, 0 without one. */
size_t cnk_name_length(const char *text, size_t len);

/* sockets.c: a new socket of NETLINK_ROUTE. */
int64_t cnk_route_socket(void);

/* sockets.c: set by a short-lived program, whose surviving children init reaps. */
extern int cnk_ends_soon;

/* namespaces.c: a descriptor of the thread's network namespace, for cnk_release_netns(). */
int64_t cnk_own_netns(void);
void cnk_release_netns(int64_t fd);
/* A cnk_route_socket() of the thread's network namespace that nothing uses, or -1. */
int64_t cnk_kept_socket(void);

/* files.c: reads fd to its end and appends the bytes; -EFBIG beyond max bytes. */
int64_t cnk_read_all(int fd, size_t max, cnk_out *out);

/* Converts syscall(2)'s result to >= 0 or -errno. */
static inline int64_t cnk_result(long r) { return r < 0 ? -(int64_t)errno : (int64_t)r; }

/* The same, repeated while a signal handler interrupts the call. */
#define CNK_RETRY(call)                  \
  ({                                     \
    long r_;                             \
    do {                                 \
      r_ = (call);                       \
    } while (r_ < 0 && errno == EINTR);  \
    cnk_result(r_);                      \
  })

#endif
