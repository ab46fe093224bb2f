/** The result of a program that `Sys.run()` ran. */
export interface RunResult {
  /** Exit status; 128 + signal when a signal ended the program. */
  status: number;
  /** The signal that ended the program, or 0. */
  signal: number;
  /** Output as UTF-8. */
  stdout: string;
  stderr: string;
}

/** Options of `Sys.run()`. */
export interface RunOptions {
  /**
   * The whole environment of the program.
   *
   * @default the environment of this process
   */
  env?: Record<string, string>;
  /**
   * Standard input.
   *
   * @default ''
   */
  input?: string;
  /**
   * Kills the program after this time and throws ETIMEDOUT.
   *
   * @default no limit
   */
  timeoutMs?: number;
}

/** The result of `Sys.stat()`. Numbers above 2^53 lose their last bits. */
export interface FileStatus {
  dev: number;
  ino: number;
  /** Type and permissions: compare `mode & S_IFMT` with S_IFDIR, S_IFREG. */
  mode: number;
  /** In bytes. */
  size: number;
  /** Milliseconds since 1970-01-01 UTC, with a fraction. */
  mtimeMs: number;
}

/**
 * The system calls: synchronous, about one per method. No method uses `this`.
 *
 * Text is UTF-8; invalid bytes are read as U+FFFD. A path or argument with a NUL is EINVAL. Descriptors are close-on-exec.
 * A call that a signal interrupts is repeated.
 *
 * Every method:
 *
 * @throws {SysError} when the kernel refuses the call
 */
export interface Sys {
  // Files

  /** open(2). O_CLOEXEC is added; `mode` (default 0o666, less the umask) matters with O_CREAT. */
  open(path: string, flags: number, mode?: number): number;
  /** close(2). */
  close(fd: number): void;
  /** read(2): returns the bytes read, 0 at the end. */
  read(fd: number, into: Uint8Array): number;
  /** write(2): returns the bytes written, which may be fewer than given. */
  write(fd: number, data: Uint8Array): number;
  /** Reads a whole file; EFBIG when it has more than `maxBytes` (default 1 MiB). */
  readText(path: string, maxBytes?: number): string;
  /** Reads a descriptor to its end; EFBIG beyond `maxBytes` (default 1 MiB). */
  readFdText(fd: number, maxBytes?: number): string;
  /**
   * Opens a file (default O_WRONLY|O_CREAT|O_TRUNC, 0o644), writes the text with one write(2) and closes it. A partial
   * write is EIO. For small files, and for those below /proc/sys, which need the value in one write.
   */
  writeText(path: string, text: string, options?: { flags?: number; mode?: number }): void;
  /** Writes the whole text, with several write(2) if needed. */
  writeFdText(fd: number, text: string): void;
  /** fsync(2), of a file or directory. */
  fsync(fd: number): void;
  /** flock(2): LOCK_SH, LOCK_EX or LOCK_UN; with LOCK_NB a held lock is EAGAIN, without it the call waits. */
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
  /** Returns the names in a directory, unsorted, without '.' and '..'. */
  readdir(path: string): string[];
  /** chmod(2). */
  chmod(path: string, mode: number): void;
  /** stat(2), following symbolic links. */
  stat(path: string): FileStatus;
  /**
   * Like `stat()`, but returns `undefined` for ENOENT and ENOTDIR. Use it when the file usually does not exist: throwing
   * costs more than the call.
   */
  statIfExists(path: string): FileStatus | undefined;
  /** readlink(2). */
  readlink(path: string): string;

  // Process

  /** getpid(2). */
  getpid(): number;
  /**
   * Returns the current environment.
   *
   * @param beginnings returns only the variables that begin with one of these texts, separated by spaces, such as
   *   `CNI_ PATH=`; all by default
   */
  environ(beginnings?: string): Record<string, string>;
  /** Ends the process at once: no exit handlers, no flushing. */
  exit(status: number): never;
  /** CLOCK_MONOTONIC, to the microsecond. */
  monotonicMs(): number;
  /** CPU time of all threads of the process since its start, to the microsecond. */
  cpuMs(): number;
  /** CLOCK_REALTIME since 1970-01-01 UTC, to the microsecond. */
  realtimeMs(): number;
  /** Blocks the thread for whole milliseconds. */
  sleepMs(ms: number): void;
  /** getrandom(2). */
  randomBytes(count: number): Uint8Array;
  /**
   * Runs a program to its end, without a shell, in the calling thread's namespaces. argv[0] is a path, or a name that is
   * looked up in the PATH of the program's environment. A non-zero `status` is not an error. Output of background
   * processes after the program's end is lost.
   *
   * @throws {SysError} ENOENT or EACCES (path: argv[0]) when the program cannot be started; ETIMEDOUT after `timeoutMs`;
   * EFBIG when it prints more than 64 MiB. In the last two cases the program was killed.
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
  /** Returns true when the path is the network namespace of the calling thread. ENOENT when it does not exist. */
  inNetns(path: string): boolean;

  // Sockets

  /**
   * socket(2). With `netnsFd` the socket is created in that network namespace. The thread is back in its own namespace
   * when this returns; the process aborts if it cannot return.
   */
  socket(domain: number, type: number, protocol: number, netnsFd?: number): number;
  /**
   * Opens a netlink socket for requests, in that network namespace as `socket()` does. Refusals are explained and do not
   * repeat the request (NETLINK_EXT_ACK, NETLINK_CAP_ACK), filters of dumps are checked (NETLINK_GET_STRICT_CHK, except
   * netfilter's), as far as the kernel knows these options. `port` is the port ID that the kernel chose.
   */
  openNetlink(protocol: number, netnsFd?: number): { fd: number; port: number };
  /** Binds a netlink socket to the multicast groups of the mask (0: none). Returns the port ID that the kernel chose. */
  bindNetlink(fd: number, groups: number): number;
  /** bind(2) of an AF_UNIX socket, which creates a file at the path; EADDRINUSE when the path exists. */
  bindUnix(fd: number, path: string): void;
  /** connect(2) of an AF_UNIX socket: ENOENT when the path does not exist, ECONNREFUSED when no socket is bound to it. */
  connectUnix(fd: number, path: string): void;
  /** setsockopt(2) of an int. */
  setsockopt(fd: number, level: number, name: number, value: number): void;
  /** getsockopt(2) of an int. */
  getsockopt(fd: number, level: number, name: number): number;
  /** send(2): returns the bytes sent. */
  send(fd: number, data: Uint8Array): number;
  /** recv(2): returns the bytes received, with MSG_TRUNC the message's length, even when it exceeds `into`. */
  recv(fd: number, into: Uint8Array, flags: number): number;
  /** poll(2) of one descriptor: returns the events (POLLIN, …), or 0 after `timeoutMs` (-1: no limit). */
  poll(fd: number, events: number, timeoutMs: number): number;
}
