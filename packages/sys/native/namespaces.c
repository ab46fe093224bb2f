/* Namespaces and mounts. They belong to the calling thread (or, for mounts, to what shares its root). */
#include "core.h"

int64_t cnk_setns(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_setns, (int)a[0].num, (int)a[1].num));
}

int64_t cnk_unshare(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_unshare, (int)a[0].num));
}

/* (source, target, fstype, flags, data); no data is told as empty. */
int64_t cnk_mount(const cnk_arg *a, cnk_out *out) {
  (void)out;
  const char *data = a[4].len ? a[4].text : NULL;
  return cnk_result(syscall(SYS_mount, a[0].text, a[1].text, a[2].text, (unsigned long)a[3].num, data));
}

int64_t cnk_umount(const cnk_arg *a, cnk_out *out) {
  (void)out;
  return cnk_result(syscall(SYS_umount2, a[0].text, (int)a[1].num));
}
