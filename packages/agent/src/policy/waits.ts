/** Callers that wait until the rules of pods are in the kernel. */

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

export class Waits {
  /** Claims that are not programmed, by container. */
  readonly #claims = new Map<string, Waiting>();
  readonly #releases: Waiting[] = [];
  /** Containers whose rules are not in the kernel. Callers of some have got an error. */
  readonly #closedPods = new Set<string>();

  /** Number of pods that are closed because their rules are not programmed. */
  get closedPods(): number {
    return this.#closedPods.size;
  }

  claim(containerId: string): Promise<void> {
    this.#claims.get(containerId)?.reject(new Error('The container was attached again'));
    this.#closedPods.add(containerId);
    return new Promise((resolve, reject) => this.#claims.set(containerId, { resolve, reject }));
  }

  release(containerId: string): Promise<void> {
    this.#claims.get(containerId)?.reject(new Error('The container was released'));
    this.#claims.delete(containerId);
    this.#closedPods.delete(containerId);
    return new Promise((resolve, reject) => this.#releases.push({ resolve, reject }));
  }

  /** The kernel has the rules of all pods that `isKnown` accepts. */
  programmed(isKnown: (containerId: string) => boolean): void {
    for (const containerId of this.#closedPods) {
      if (isKnown(containerId)) {
        this.#closedPods.delete(containerId);
        this.#claims.get(containerId)?.resolve();
        this.#claims.delete(containerId);
      }
    }
    for (const { resolve } of this.#releases.splice(0)) {
      resolve();
    }
  }

  /** The kernel refused the rules. Claims of unknown pods go on waiting. */
  failed(isKnown: (containerId: string) => boolean, error: Error): void {
    for (const [containerId, { reject }] of this.#claims) {
      if (isKnown(containerId)) {
        this.#claims.delete(containerId);
        reject(error);
      }
    }
    for (const { reject } of this.#releases.splice(0)) {
      reject(error);
    }
  }

  close(): void {
    this.failed(() => true, new Error('The agent is shutting down'));
  }
}
