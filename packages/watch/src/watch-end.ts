import type { WatchError } from './errors.ts';
import type { WatchEnd } from './types.ts';

/** Returns why a watch that failed with this error ended. */
export function watchEnd(error: WatchError): WatchEnd {
  switch (error.code) {
    case 'EXPIRED':
      return 'expired';
    case 'PROTOCOL':
      return 'protocol';
    case 'IDLE':
      return 'idle';
    case 'HTTP':
      return 'refused';
    default:
      return 'cut';
  }
}
