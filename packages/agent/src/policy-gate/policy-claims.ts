/** The pods of this node that the plugin reported, until their addresses are free. */
import type { Log } from '../core/log.ts';
import type { Attachment, PodIdentity } from '../core/pod-fields.ts';
import type { LocalPods } from '../policy/local-pods.ts';
import { loadClaims, saveClaims } from './claims-file.ts';
import type { Claim, Request } from './request.ts';

/** A reserved address. */
export interface ReservedAddress {
  address: string;
  containerID: string;
  /** Empty in reservations that name only the container. */
  ifName: string;
}

export interface PolicyClaimsDeps {
  pods: LocalPods;
  stateDir: string;
  /** Returns the reservations of the network. */
  reservations: () => readonly ReservedAddress[];
  /** Returns the pod of an attachment, as the runtime recorded it. */
  recorded: (attachment: Attachment) => PodIdentity | undefined;
  /** Returns the host end of a pod that may send from other source addresses; default: no pod may. */
  foreignEnd?: ((claim: Claim) => string | undefined) | undefined;
  log: Log;
}

/**
 * Passes reports to the enforcement. A pod with several interfaces is one pod with the addresses of all. The reservations
 * decide: at the start and at each {@link PolicyClaims.reconcile}, claims without reservation end, and pods whose report was
 * lost are claimed as the runtime recorded them.
 */
export class PolicyClaims {
  readonly #deps: PolicyClaimsDeps;
  readonly #claims = new Map<string, Claim>();
  /** Attachments that ended and whose addresses are still reserved. */
  readonly #ended = new Set<string>();

  constructor(deps: PolicyClaimsDeps) {
    this.#deps = deps;
    for (const claim of this.#load()) {
      this.#claims.set(keyOf(claim), claim);
    }
  }

  /** The pods that have claims. */
  get claims(): readonly Claim[] {
    return [...this.#claims.values()];
  }

  /**
   * Resolves once the kernel has the change.
   *
   * @throws {Error} with the reason why it has not
   */
  handle(request: Request): Promise<void> {
    switch (request.op) {
      case 'add':
        return this.#add(request.claim);
      case 'del':
        return this.#end([request.attachment]);
      case 'gc': {
        const keep = new Set(request.keep.map(keyOf));
        return this.#end(this.claims.filter((claim) => !keep.has(keyOf(claim))));
      }
    }
  }

  /** Passes the saved claims on, less those that have ended, and the recorded ones. Call it once, at the start. */
  start(): void {
    this.#reconcile(new Set(this.claims.map(({ containerId }) => containerId)));
  }

  /** Compares the claims with the reservations. */
  reconcile(): void {
    this.#reconcile(new Set());
  }

  async #add(claim: Claim): Promise<void> {
    const key = keyOf(claim);
    // Reservations are exclusive, so the other one has ended.
    const outdated = this.claims.filter((one) => keyOf(one) !== key && sharesAddress(one, claim));
    for (const one of outdated) {
      this.#claims.delete(keyOf(one));
    }
    this.#ended.delete(key);
    this.#claims.set(key, claim);
    this.#save();
    // First, so that no address is taken from its new pod.
    await this.#passAll(outdated);
    if (this.#claims.get(key) !== claim) {
      throw new Error(`Container ${claim.containerId} has ended`);
    }
    await this.#pass(claim.containerId);
  }

  async #end(attachments: readonly Attachment[]): Promise<void> {
    for (const attachment of attachments) {
      const key = keyOf(attachment);
      this.#ended.add(key);
      this.#claims.delete(key);
    }
    if (attachments.length > 0) {
      this.#save();
    }
    await this.#passAll(attachments);
  }

  /** @param changed containers to pass on in any case */
  #reconcile(changed: Set<string>): void {
    const { reservations, log } = this.#deps;
    const reserved = new Map<string, Claim['addresses']>();
    try {
      for (const { containerID: containerId, ifName, address } of reservations()) {
        const key = keyOf({ containerId, ifName });
        reserved.set(key, [...(reserved.get(key) ?? []), address]);
      }
      for (const { containerId } of [...this.#dropUnreserved(reserved), ...this.#recover(reserved)]) {
        changed.add(containerId);
      }
    } catch (error) {
      log.warn({}, `Cannot read the reservations, so no lost report is noticed: ${(error as Error).message}`);
    }
    if (changed.size > 0) {
      this.#save();
    }
    for (const containerId of changed) {
      this.#pass(containerId).catch((error: Error) => {
        log.warn({ containerId }, `Cannot enforce policies of container ${containerId}: ${error.message}`);
      });
    }
  }

  #dropUnreserved(reserved: ReadonlyMap<string, Claim['addresses']>): Claim[] {
    const ofAttachment = (one: Attachment) => [
      ...(reserved.get(keyOf(one)) ?? []),
      ...(reserved.get(keyOf({ ...one, ifName: '' })) ?? []),
    ];
    for (const key of this.#ended) {
      if (!reserved.has(key)) {
        this.#ended.delete(key);
      }
    }
    const dropped = this.claims.filter((claim) => {
      const held = ofAttachment(claim);
      return !claim.addresses.every((address) => held.includes(address));
    });
    for (const claim of dropped) {
      this.#claims.delete(keyOf(claim));
    }
    return dropped;
  }

  #recover(reserved: ReadonlyMap<string, Claim['addresses']>): Claim[] {
    const recovered: Claim[] = [];
    for (const [key, addresses] of reserved) {
      if (this.#claims.has(key) || this.#ended.has(key)) {
        continue;
      }
      const attachment = attachmentOf(key);
      const pod = this.#deps.recorded(attachment);
      if (pod !== undefined) {
        const claim = { ...pod, ...attachment, addresses };
        this.#claims.set(key, claim);
        recovered.push(claim);
      }
    }
    return recovered;
  }

  async #passAll(attachments: readonly Attachment[]): Promise<void> {
    const containers = new Set(attachments.map(({ containerId }) => containerId));
    await Promise.all([...containers].map((containerId) => this.#pass(containerId)));
  }

  /** Claims the remaining interfaces of a container, or releases it. */
  #pass(containerId: string): Promise<void> {
    const own = this.claims.filter((claim) => claim.containerId === containerId);
    const [first] = own;
    if (first === undefined) {
      return this.#deps.pods.release(containerId);
    }
    const { namespace, name, uid } = first;
    const addresses = own.flatMap((claim) => claim.addresses);
    const foreignEnds = own.flatMap((claim) => this.#deps.foreignEnd?.(claim) ?? []);
    return this.#deps.pods.claim({
      ...{ namespace, name, uid, containerId, addresses },
      ...(foreignEnds.length > 0 && { foreignEnds }),
    });
  }

  #load(): Claim[] {
    const { stateDir, log } = this.#deps;
    try {
      return loadClaims(stateDir);
    } catch (error) {
      log.warn({}, `Ignoring the saved pods of network policy: ${(error as Error).message}`);
      return [];
    }
  }

  #save(): void {
    const { stateDir, log } = this.#deps;
    try {
      saveClaims(stateDir, this.#claims.values());
    } catch (error) {
      log.warn(
        {},
        `Cannot save the pods of network policy; after a restart of the agent they are read from the runtime: ${(error as Error).message}`,
      );
    }
  }
}

const keyOf = ({ containerId, ifName }: Attachment): string => `${containerId}/${ifName}`;

function attachmentOf(key: string): Attachment {
  const at = key.lastIndexOf('/');
  return { containerId: key.slice(0, at), ifName: key.slice(at + 1) };
}

function sharesAddress(a: Claim, b: Claim): boolean {
  return a.addresses.some((address) => b.addresses.includes(address));
}
