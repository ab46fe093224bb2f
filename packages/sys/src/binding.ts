/**
 * The raw functions of both adapters, as native/core.h declares them. Numbers are results >= 0 or -errno; in place of text
 * a number is -errno. Only `createSys()` and `sha512()` call them.
 */
export interface Binding {
  open(path: string, flags: number, mode: number): number;
  close(fd: number): number;
  read(fd: number, into: Uint8Array): number;
  write(fd: number, data: Uint8Array): number;
  readText(path: string, maxBytes: number): string | number;
  readFdText(fd: number, maxBytes: number): string | number;
  writeText(path: string, text: string, flags: number, mode: number): number;
  writeFdText(fd: number, text: string): number;
  fsync(fd: number): number;
  flock(fd: number, operation: number): number;
  rename(from: string, to: string): number;
  link(from: string, to: string): number;
  unlink(path: string): number;
  mkdir(path: string, mode: number): number;
  rmdir(path: string): number;
  readdir(path: string): string[] | number;
  chmod(path: string, mode: number): number;
  /** The bytes of a Float64Array(5): dev, ino, mode, size, mtime in ms. */
  stat(path: string, into: Uint8Array): number;
  readlink(path: string): string | number;
  getpid(): number;
  environ(beginnings: string): Record<string, string> | number;
  exit(status: number): never;
  /** clock_gettime(2) in microseconds. */
  clock(id: number): number;
  sleepMs(ms: number): number;
  random(into: Uint8Array): number;
  /** Each string of argv and env ends with a NUL. `into` is an Int32Array(2) for status and signal. Returns [stdout, stderr]. */
  run(
    argv: string,
    env: string,
    hasEnv: number,
    input: string,
    timeoutMs: number,
    into: Uint8Array,
  ): string[] | number;
  setns(fd: number, nstype: number): number;
  unshare(flags: number): number;
  mount(source: string, target: string, fstype: string, flags: number, data: string): number;
  umount(target: string, flags: number): number;
  /** 1 when the path is the thread's own network namespace, else 0. */
  inNetns(path: string): number;
  /** netnsFd -1: the current namespace. */
  socket(domain: number, type: number, protocol: number, netnsFd: number): number;
  /** netnsFd -1: the current namespace. `port` is a Uint32Array(1) for the port ID. Returns the descriptor. */
  openNetlink(protocol: number, netnsFd: number, port: Uint8Array): number;
  bindNetlink(fd: number, groups: number): number;
  bindUnix(fd: number, path: string): number;
  connectUnix(fd: number, path: string): number;
  setsockopt(fd: number, level: number, name: number, value: number): number;
  /** `into` is an Int32Array(1) for the value. */
  getsockopt(fd: number, level: number, name: number, into: Uint8Array): number;
  /** `bytes` are the 24 of struct ifreq after the name. */
  ifreq(fd: number, request: number, name: string, bytes: Uint8Array): number;
  driver(fd: number, name: string): string | number;
  send(fd: number, data: Uint8Array): number;
  sendDetached(fd: number, data: Uint8Array, name: string): number;
  recv(fd: number, into: Uint8Array, flags: number): number;
  poll(fd: number, events: number, timeoutMs: number): number;
  /** In hexadecimal. */
  sha512(text: string): string | number;
}
