/** Measures events of a running cluster, from the object to the kernel. */
import { type Change, type ClusterObject, PolicyCompiler, type PolicyEvent } from '@cnikit/policy';
import { median } from '../lib/statistics.ts';
import { NODE, namespaceName, namespaceObject, objects, podObject, type Size } from './objects.ts';

/** Milliseconds of one event, and the changes of the ruleset that it causes. */
export interface EventCost {
  ms: number;
  changes: number;
}

/** Programs changes and returns once the kernel has them. */
export type Program = (changes: readonly Change[], compiler: PolicyCompiler) => void;

/** The compiler of a cluster whose rules are in the kernel. */
export class RunningCluster {
  readonly compiler = new PolicyCompiler(NODE);
  readonly #program: Program;
  readonly #size: Size;

  constructor(size: Size, program: Program) {
    this.#program = program;
    this.#size = size;
  }

  /** Takes all objects. Returns the milliseconds until the kernel has the rules. */
  start(input: Iterable<ClusterObject> = objects(this.#size)): number {
    return this.#apply([...input].map((object) => ({ type: 'put', object }))).ms;
  }

  /** A new pod of this node appears in a namespace that has pods here, and goes again: the median of appearing. */
  pods(rounds: number): EventCost {
    const costs: EventCost[] = [];
    const namespaces = Math.max(1, Math.min(10, Math.floor(this.#size.local / 100)));
    for (let round = 0; round < rounds; round++) {
      const object = podObject(namespaceName(round % namespaces), this.#size.pods + round, NODE);
      costs.push(this.#apply([{ type: 'put', object }]));
      this.#apply([{ type: 'delete', object }]);
    }
    return middle(costs);
  }

  /** A namespace changes its team. */
  labels(rounds: number): EventCost {
    const costs: EventCost[] = [];
    for (let round = 0; round < rounds; round++) {
      const object = namespaceObject(0, { team: `team-${1 + (round % 2)}` });
      costs.push(this.#apply([{ type: 'put', object }]));
    }
    return middle(costs);
  }

  #apply(events: readonly PolicyEvent[]): EventCost {
    const began = performance.now();
    const changes = this.compiler.apply(events);
    this.#program(changes, this.compiler);
    return { ms: performance.now() - began, changes: changes.length };
  }
}

const middle = (costs: readonly EventCost[]): EventCost => ({
  ms: median(costs.map(({ ms }) => ms)),
  changes: median(costs.map(({ changes }) => changes)),
});
