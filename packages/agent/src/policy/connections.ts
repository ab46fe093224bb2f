/** The connections of pods that the kernel tracks: those of deleted pods, and those that policies deny now. */
import { type Family, families, familyOf } from '@cnikit/ip';
import type { Flow, FlowTuple } from '@cnikit/netlink/conntrack';
import { type Change, type Connection, evaluate, OPEN, type Ruleset } from '@cnikit/policy/compile';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { type After, Timers } from '../core/timers.ts';
import { protocolOf } from './protocols.ts';

/** The tracked connections of the node. */
export interface Tracking {
  /** Returns the connections that have one of the addresses. */
  flowsOf(family: Family, addresses: ReadonlySet<string>): Flow[];
  deleteFlows(flows: readonly Flow[]): number;
  /** Sets or clears the bit of the connection mark. */
  mark(flows: readonly Flow[], bit: number, isSet: boolean): number;
  /** Returns the node's own addresses. */
  nodeAddresses(): ReadonlySet<string>;
}

export interface ConnectionsDeps {
  tracking: Tracking;
  /** Returns the rules that the kernel has. */
  ruleset(): Ruleset;
  /** Returns the pod that has an address. */
  podAt(address: string): string | undefined;
  /** Bit of the connection mark of connections that policies deny; undefined: they go on. */
  cutMark?: number | undefined;
  /** Called when {@link Connections.failure} has changed. */
  onChange(): void;
  metrics: Metrics;
  log: Log;
  after: After;
}

/** A connection that passed the old rules is tracked after its packet: a second pass finds it. */
const SETTLE_MS = 1000;
const RETRY_MS = 5000;
/** A pass takes at most this part of the time. */
const SHARE = 0.1;

export class Connections {
  readonly #deps: ConnectionsDeps;
  readonly #timers: Timers<'pass' | 'settle' | 'forget'>;
  /** Addresses that lost their pod of this node. */
  readonly #lost = new Set<string>();
  /** Addresses that may have lost their pod of any node. */
  readonly #doubtful = new Set<string>();
  /** False until a pass has found no mark of ours. */
  #mayHaveMarks = true;
  /** When the next pass may begin. */
  #next = 0;
  #failure: string | undefined;

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
    this.#timers = new Timers(deps.after);
  }

  /** Why denied connections go on; undefined when they do not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Takes changes of the rules that are about to be programmed. */
  take(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'pod' && change.action === 'delete') {
        this.#lost.add(change.address);
      } else if (change.type === 'member' && change.action === 'delete') {
        this.#doubtful.add(change.address);
      }
    }
  }

  /** Takes addresses that the table had for pods, and the rules have not. */
  lostPods(addresses: readonly string[]): void {
    for (const address of addresses) {
      this.#lost.add(address);
    }
  }

  /**
   * Call it once the kernel has the rules. Deletes the entries of pods of this node that are gone before it returns, and
   * those of other nodes soon. Never throws.
   */
  programmed(changed: boolean): void {
    const { pods } = this.#deps.ruleset();
    const lost = [...this.#lost].filter((address) => !pods.egress.has(address) && !pods.ingress.has(address));
    this.#lost.clear();
    this.#forget(lost);
    if (this.#doubtful.size > 0) {
      this.#timers.start('forget', this.#delay, () => {
        const all = [...this.#doubtful];
        this.#doubtful.clear();
        this.#forget(all.filter((address) => this.#deps.podAt(address) === undefined));
      });
    }
    if (changed) {
      this.check();
    }
  }

  /** Deletes the entries of addresses that have no pod, so that the next owner inherits no connection. */
  #forget(addresses: readonly string[]): void {
    const { tracking, log } = this.#deps;
    const gone = new Set(addresses);
    const began = performance.now();
    try {
      for (const family of familiesOf(gone)) {
        tracking.deleteFlows(tracking.flowsOf(family, gone));
      }
    } catch (error) {
      const list = addresses.join(', ');
      log.warn(
        {},
        `Cannot delete the connections of ${list}, whose pod is gone: ${(error as Error).message}`,
      );
    }
    this.#rest(began);
  }

  get #delay(): number {
    return Math.max(0, this.#next - performance.now());
  }

  /** Delays the next pass in proportion to the duration of one that began at a time. */
  #rest(began: number): void {
    const ended = performance.now();
    this.#next = Math.max(this.#next, ended + (ended - began) / SHARE);
  }

  /** Schedules a pass over the connections. Call it when the rules have changed, and once in a while. */
  check(): void {
    if (this.#deps.cutMark !== undefined) {
      this.#timers.start('pass', this.#delay, () => {
        this.#timers.restart('settle', SETTLE_MS, () => this.#pass());
        this.#pass();
      });
    }
  }

  close(): void {
    this.#timers.close();
  }

  #pass(): void {
    const { cutMark, log, metrics } = this.#deps;
    const began = performance.now();
    try {
      const cut = this.#mark(cutMark!);
      if (cut > 0) {
        metrics.add('policy_cut_connections', cut);
        log.info({ connections: cut }, `Ended ${cut} connections that policies deny now`);
      }
      this.#fail(undefined);
    } catch (error) {
      this.#fail(`Cannot end connections that policies deny now: ${(error as Error).message}`);
      this.#timers.start('pass', RETRY_MS, () => this.#pass());
    }
    this.#rest(began);
  }

  #fail(failure: string | undefined): void {
    if (failure !== this.#failure) {
      this.#failure = failure;
      this.#deps.onChange();
    }
  }

  /** Marks the connections that the rules deny, and clears the mark of others. Returns the number of newly marked ones. */
  #mark(bit: number): number {
    const { tracking } = this.#deps;
    const ruleset = this.#deps.ruleset();
    const pods = this.#mayHaveMarks ? allPods(ruleset) : isolatedPods(ruleset);
    const own = familiesOf(pods);
    const nodeAddresses = own.length === 0 ? new Set<string>() : tracking.nodeAddresses();
    let [marked, cut] = [0, 0];
    for (const family of own) {
      const flows = judge(ruleset, tracking.flowsOf(family, pods), nodeAddresses);
      const isMarked = ({ mark = 0 }: Flow) => (mark & bit) !== 0;
      const denied = new Set([...flows].flatMap(([flow, isDenied]) => (isDenied ? [flow] : [])));
      marked += denied.size;
      cut += tracking.mark(
        [...denied].filter((flow) => !isMarked(flow)),
        bit,
        true,
      );
      tracking.mark(
        [...flows.keys()].filter((flow) => isMarked(flow) && !denied.has(flow)),
        bit,
        false,
      );
    }
    this.#mayHaveMarks = marked > 0;
    return cut;
  }
}

/**
 * Returns whether the rules deny each connection. One that a helper expected, such as the data of FTP, follows the connection
 * that announced it; it is left out where that one has ended.
 */
function judge(
  ruleset: Ruleset,
  flows: readonly Flow[],
  nodeAddresses: ReadonlySet<string>,
): Map<Flow, boolean> {
  const judged = new Map<Flow, boolean>();
  const byTuple = new Map<string, boolean>();
  const expected = flows.filter(({ master }) => master !== undefined);
  for (const flow of flows) {
    if (flow.master === undefined) {
      const denied = isDenied(ruleset, flow, nodeAddresses);
      judged.set(flow, denied);
      if (expected.length > 0) {
        byTuple.set(keyOf(flow.original), denied);
      }
    }
  }
  for (const flow of expected) {
    const denied = byTuple.get(keyOf(flow.master!));
    if (denied !== undefined) {
      judged.set(flow, denied);
    }
  }
  return judged;
}

const keyOf = ({ protocol, source, sourcePort, destination, destinationPort }: FlowTuple): string =>
  `${protocol} ${source} ${sourcePort} ${destination} ${destinationPort}`;

/** Returns whether the first packet of a connection would be denied now. */
export function isDenied(ruleset: Ruleset, flow: Flow, nodeAddresses: ReadonlySet<string>): boolean {
  const { original, reply } = flow;
  // Packets of the node pass neither hook.
  if (nodeAddresses.has(original.source) || original.source.startsWith('127.')) {
    return false;
  }
  const protocol = protocolOf(original.protocol ?? 0);
  const connection: Connection = {
    source: original.source,
    // After the translation of a Service.
    destination: reply.source,
    protocol,
    port: protocol && reply.sourcePort,
  };
  return (['egress', 'ingress'] as const).some(
    (direction) => evaluate(ruleset, direction, connection)?.allowed === false,
  );
}

const familiesOf = (addresses: ReadonlySet<string>): Family[] =>
  families.filter((family) => [...addresses].some((address) => familyOf(address) === family));

const allPods = ({ pods }: Ruleset): Set<string> => new Set([...pods.egress.keys(), ...pods.ingress.keys()]);

const isolatedPods = ({ pods }: Ruleset): Set<string> =>
  new Set(
    [...pods.egress, ...pods.ingress].filter(([, chain]) => chain !== OPEN).map(([address]) => address),
  );
