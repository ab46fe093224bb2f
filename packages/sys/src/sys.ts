/** How a program that `Sys.run` started ended. */
export interface RunResult {
  /** Its exit status; 128 + signal when a signal ended it. */
  status: number;
  /** The signal that ended it, or 0. */
  signal: number;
  /** What it printed, as UTF-8. */
  stdout: string;
  stderr: string;
}

/** What `Sys.run` may be told. */
export interface RunOptions {
  /** The whole environment of the program; by default ours. */
  env?: Record<string, string>;
  /** What it reads from standard input; by default nothing. */
  input?: string;
  /** After this it is killed and ETIMEDOUT thrown; by default it has as long as it takes. */
  timeoutMs?: number;
}

/** What `Sys.stat` tells of a file. Numbers above 2^53 lose their last bits. */
export interface FileStatus {
  dev: number;
  ino: number;
  /** Type and permissions: compare `mode & S_IFMT` with S_IFDIR, S_IFREG. */
  mode: number;
  /** In bytes. */
  size: number;
  /** Since 1970-01-01 UTC, with a fraction. */
  mtimeMs: number;
}

/**
 * The kernel as the rest sees it: synchronous, each method about one system call. Every method
 * throws `SysError` when the kernel refuses; no method uses `this`.
 *
 * Text is UTF-8; bytes that are not become U+FFFD on the way in. Text with a NUL inside, where the
 * kernel wants a path or a word, is EINVAL. Descriptors are close-on-exec. A call that a signal
 * interrupts is made again.
 */
export interface Sys {
  // Files

  /** open(2). O_CLOEXEC is added; `mode` (default 0o666, less the umask) matters with O_CREAT. */
  open(path: string, flags: number, mode?: number): number;
  /** close(2). */
  close(fd: number): void;
  /** read(2): the bytes read, 0 at the end. */
  read(fd: number, into: Uint8Array): number;
  /** write(2): the bytes written, perhaps fewer than given. */
  write(fd: number, data: Uint8Array): number;
  /** A whole file; EFBIG when it has more than `maxBytes` (default 1 MiB). */
  readText(path: string, maxBytes?: number): string;
  /** What a descriptor gives until its end; EFBIG beyond `maxBytes` (default 1 MiB). */
  readFdText(fd: number, maxBytes?: number): string;
  /**
   * Opens (default O_WRONLY|O_CREAT|O_TRUNC, 0o644), writes all by one write(2), closes. A partial
   * write is EIO: this serves small files and those below /proc/sys, which take a value whole.
   */
  writeText(path: string, text: string, options?: { flags?: number; mode?: number }): void;
  /** Writes all of the text, however many write(2) it takes. */
  writeFdText(fd: number, text: string): void;
  /** fsync(2), of a file or directory. */
  fsync(fd: number): void;
  /** flock(2): LOCK_SH, LOCK_EX or LOCK_UN; with LOCK_NB a lock held elsewhere is EAGAIN, else it waits. */
  flock(fd: number, operation: number): void;
  /** rename(2): replaces `to`. */
  rename(from: string, to: string): void;
  /** link(2): a hard link; EEXIST when `to` exists. */
  link(from: string, to: string): void;
  /** unlink(2). */
  unlink(path: string): void;
  /** mkdir(2): one directory, `mode` (default 0o777) less the umask. */
  mkdir(path: string, mode?: number): void;
  /** rmdir(2). */
  rmdir(path: string): void;
  /** Names in a directory, unsorted, without '.' and '..'. */
  readdir(path: string): string[];
  /** chmod(2). */
  chmod(path: string, mode: number): void;
  /** stat(2), following symbolic links. */
  stat(path: string): FileStatus;
  /** As `stat`; `undefined` for ENOENT and ENOTDIR. Where nothing is most times, for an error costs more than a call. */
  statIfExists(path: string): FileStatus | undefined;
  /** readlink(2). */
  readlink(path: string): string;

  // Process

  /** getpid(2). */
  getpid(): number;
  /** The environment as it is now. */
  environ(): Record<string, string>;
  /** Ends the process at once: no exit handlers, no flushing. */
  exit(status: number): never;
  /** CLOCK_MONOTONIC, to the microsecond. */
  monotonicMs(): number;
  /** Processor time that the process has used since it started, of all its threads, to the microsecond. */
  cpuMs(): number;
  /** CLOCK_REALTIME since 1970-01-01 UTC, to the microsecond. */
  realtimeMs(): number;
  /** Blocks the thread, whole milliseconds. */
  sleepMs(ms: number): void;
  /** getrandom(2). */
  randomBytes(count: number): Uint8Array;
  /**
   * Runs a program to its end, without a shell, in the calling thread's namespaces. argv[0] is a
   * path, or looked up in the PATH of its environment. Errors: ENOENT and EACCES (path: argv[0]) when
   * it cannot be started, ETIMEDOUT after `timeoutMs` (it was killed), EFBIG when it printed more
   * than 64 MiB (it was killed). A program that ends in failure is no error: see `status`.
   * What a background process of it prints after its end is lost.
   */
  run(argv: readonly string[], options?: RunOptions): RunResult;

  // Namespaces and mounts

  /** setns(2) of the calling thread; `nstype` such as CLONE_NEWNET must match, EINVAL otherwise. */
  setns(fd: number, nstype: number): void;
  /** unshare(2) of the calling thread. */
  unshare(flags: number): void;
  /** mount(2). */
  mount(source: string, target: string, fstype: string, flags: number, data?: string): void;
  /** umount2(2). */
  umount(target: string, flags: number): void;
  /** Whether the path leads to the network namespace that the calling thread is in. ENOENT when nothing is there. */
  inNetns(path: string): boolean;

  // Sockets

  /**
   * socket(2). With `netnsFd` the socket is made in that network namespace, where it stays, and the
   * thread is back in its own when this returns; the process is aborted if it cannot come back.
   */
  socket(domain: number, type: number, protocol: number, netnsFd?: number): number;
  /** Binds a netlink socket to the multicast groups of the mask (0: none). Gives the port id the kernel chose. */
  bindNetlink(fd: number, groups: number): number;
  /** bind(2) of an AF_UNIX socket to a path, where a file of the socket's appears; EADDRINUSE when there is one. */
  bindUnix(fd: number, path: string): void;
  /** connect(2) of an AF_UNIX socket: ENOENT when there is nothing at the path, ECONNREFUSED when nobody listens. */
  connectUnix(fd: number, path: string): void;
  /** setsockopt(2) of an int. */
  setsockopt(fd: number, level: number, name: number, value: number): void;
  /** getsockopt(2) of an int. */
  getsockopt(fd: number, level: number, name: number): number;
  /** send(2): the bytes sent. */
  send(fd: number, data: Uint8Array): number;
  /** recv(2): the bytes received; with MSG_TRUNC the message's length, even when longer than `into`. */
  recv(fd: number, into: Uint8Array, flags: number): number;
  /** poll(2) of one descriptor: the events that came (POLLIN...), 0 after `timeoutMs` (-1: wait for ever). */
  poll(fd: number, events: number, timeoutMs: number): number;
}
