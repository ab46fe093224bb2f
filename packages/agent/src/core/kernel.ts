/** The kernel as the agent uses it: one dump, one batched write, events. The netlink adapter is `netlink.ts`. */
import type { KernelAction } from './action.ts';
import type { KernelNeighbour, KernelRoute, KernelState } from './model.ts';

export type KernelEvent =
  | { type: 'route'; op: 'new' | 'del'; route: KernelRoute }
  /** `index` changed, appeared or went. */
  | { type: 'link'; index: number }
  | { type: 'address'; index: number; address: string }
  /** An entry of some link; `del` also when it is no longer permanent. */
  | { type: 'neighbour'; op: 'new' | 'del'; neighbour: KernelNeighbour }
  /** Events were lost: only a dump tells what is. */
  | { type: 'overflow' };

export interface WriteFailure {
  action: KernelAction;
  /** Errno name, such as ENETUNREACH. */
  code: string;
  message: string;
}

export interface Kernel {
  dump(): KernelState;
  /** Does what it can of `actions` in one write, and says what it could not. Throws only when nothing could be sent. */
  write(actions: readonly KernelAction[]): WriteFailure[];
  events(signal: AbortSignal): AsyncIterable<KernelEvent>;
  close(): void;
}
