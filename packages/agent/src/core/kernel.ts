/** The kernel as the agent uses it: one dump, one batched write, events. */
import type { Family } from '@cnikit/ip';
import type { KernelAction } from './action.ts';
import type { KernelNeighbour, KernelRoute, KernelState } from './model.ts';

/** A link after its change, or before its removal. */
export interface ChangedLink {
  op: 'new' | 'del';
  name: string;
  up: boolean;
  /** Kind, such as vlan; absent for a device. */
  kind?: string | undefined;
  /** Index of the bridge or bond that it is a port of. */
  master?: number | undefined;
}

export type KernelEvent =
  | { type: 'route'; op: 'new' | 'del'; route: KernelRoute }
  /** The link with this index appeared, changed or disappeared. */
  | { type: 'link'; index: number; link?: ChangedLink }
  /** A setting of links changed: only those in the event. `all` is net.ipv4.conf.all or net.ipv6.conf.all. */
  | {
      type: 'setting';
      family: Family;
      link: number | 'all' | 'default';
      forwarding?: boolean | undefined;
      rpFilter?: number | undefined;
    }
  | { type: 'address'; op?: 'new' | 'del'; index: number; address: string }
  /** An entry of any link. `del` also means that it is not permanent any more. */
  | { type: 'neighbour'; op: 'new' | 'del'; neighbour: KernelNeighbour }
  /** Events were lost: only a dump shows the current state. */
  | { type: 'overflow' };

export interface WriteFailure {
  action: KernelAction;
  /** Errno name, such as ENETUNREACH. */
  code: string;
  message: string;
}

export interface Kernel {
  dump(): KernelState;
  /**
   * Carries out as many of `actions` as possible in one write. Returns the failures.
   *
   * @throws {Error} when nothing could be sent
   */
  write(actions: readonly KernelAction[]): WriteFailure[];
  events(signal: AbortSignal): AsyncIterable<KernelEvent>;
  close(): void;
}
