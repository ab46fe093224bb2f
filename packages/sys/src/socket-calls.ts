import type { Binding } from './binding.ts';
import { fail } from './fail.ts';
import type { InternalSys } from './internal.ts';

const ENODEV = 19;

/** The calls of `Sys` for sockets. */
type SocketCalls = Pick<
  InternalSys,
  | 'socket'
  | 'openNetlink'
  | 'bindNetlink'
  | 'bindUnix'
  | 'connectUnix'
  | 'setsockopt'
  | 'getsockopt'
  | 'ifreq'
  | 'driver'
  | 'send'
  | 'sendDetached'
  | 'recv'
  | 'poll'
>;

/** Returns the calls for sockets of a binding, as `createSys()` does the others. */
export function socketCalls(binding: Binding): SocketCalls {
  const ints = new Int32Array(1);
  const intBytes = new Uint8Array(ints.buffer);

  return {
    socket(domain, type, protocol, netnsFd = -1) {
      const result = binding.socket(domain, type, protocol, netnsFd);
      return result < 0 ? fail('socket', result) : result;
    },
    openNetlink(protocol, netnsFd = -1) {
      const fd = binding.openNetlink(protocol, netnsFd, intBytes);
      return fd < 0 ? fail('openNetlink', fd) : { fd, port: ints[0]! >>> 0 };
    },
    bindNetlink(fd, groups) {
      const result = binding.bindNetlink(fd, groups);
      return result < 0 ? fail('bindNetlink', result) : result;
    },
    bindUnix(fd, path) {
      const result = binding.bindUnix(fd, path);
      if (result < 0) {
        fail('bindUnix', result, path);
      }
    },
    connectUnix(fd, path) {
      const result = binding.connectUnix(fd, path);
      if (result < 0) {
        fail('connectUnix', result, path);
      }
    },
    setsockopt(fd, level, name, option) {
      const result = binding.setsockopt(fd, level, name, option);
      if (result < 0) {
        fail('setsockopt', result);
      }
    },
    getsockopt(fd, level, name) {
      const result = binding.getsockopt(fd, level, name, intBytes);
      return result < 0 ? fail('getsockopt', result) : ints[0]!;
    },
    ifreq(fd, request, name, bytes) {
      const result = binding.ifreq(fd, request, name, bytes);
      return result >= 0 || (result !== -ENODEV && fail('ifreq', result));
    },
    driver(fd, name) {
      const result = binding.driver(fd, name);
      return typeof result === 'number' ? fail('driver', result) : result;
    },
    send(fd, data) {
      const result = binding.send(fd, data);
      return result < 0 ? fail('send', result) : result;
    },
    sendDetached(fd, data, name) {
      const result = binding.sendDetached(fd, data, name);
      return result < 0 ? fail('sendDetached', result) : result;
    },
    recv(fd, into, flags) {
      const result = binding.recv(fd, into, flags);
      return result < 0 ? fail('recv', result) : result;
    },
    poll(fd, events, timeoutMs) {
      const result = binding.poll(fd, events, timeoutMs);
      return result < 0 ? fail('poll', result) : result;
    },
  };
}
