import type { PortProtocol } from '../api.ts';
import type { Labels } from '../labels.ts';
import { stableJson } from './registry.ts';

/** A named port of a container. */
export interface NamedPort {
  name: string;
  protocol: PortProtocol;
  port: number;
}

/** The fields of a Pod that policies depend on beside its addresses. Equal pods share one object. */
export interface PodTraits {
  readonly namespace: string;
  readonly labels: Labels;
  readonly ports: readonly NamedPort[];
}

/** Label sets whose text is kept. */
const MAX_TEXTS = 1000;

/** The traits of all pods, each in memory once. */
export class TraitsPool {
  readonly #byKey = new Map<string, Shared>();
  /** Texts by label object: clients can pass one object for all pods that have equal labels. */
  readonly #texts = new Map<Labels, string>();

  /** Adds a reference. Returns the same object for equal traits. */
  acquire(namespace: string, labels: Labels, ports: readonly NamedPort[]): PodTraits {
    const texts = ports.map(({ name, protocol, port }) => `${JSON.stringify(name)} ${protocol} ${port}`);
    const key = `${JSON.stringify(namespace)} ${texts.join()} ${this.#textOf(labels)}`;
    let shared = this.#byKey.get(key);
    if (!shared) {
      shared = { namespace, labels, ports, key, references: 0 };
      this.#byKey.set(key, shared);
    }
    shared.references++;
    return shared;
  }

  /** Drops a reference. */
  release(traits: PodTraits): void {
    const shared = traits as Shared;
    shared.references--;
    if (shared.references === 0) {
      this.#byKey.delete(shared.key);
    }
  }

  #textOf(labels: Labels): string {
    let text = this.#texts.get(labels);
    if (text === undefined) {
      text = stableJson(labels);
      if (this.#texts.size >= MAX_TEXTS) {
        this.#texts.clear();
      }
      this.#texts.set(labels, text);
    }
    return text;
  }
}

interface Shared extends PodTraits {
  readonly key: string;
  references: number;
}
