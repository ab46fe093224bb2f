/**
 * Keeps the text of a hosts file for the pods of a node: an example of code that is awkward to test because it
 * needs addresses.
 *
 * @module
 */
import type { Ipam } from '@cnikit/ipam';

export class HostsFile {
  readonly #ipam: Ipam;
  readonly #names = new Map<string, string>();

  constructor(ipam: Ipam) {
    this.#ipam = ipam;
  }

  /** Assigns addresses to a pod and adds its lines. */
  start(containerID: string, name: string): void {
    this.#ipam.add({ containerID, ifName: 'eth0', pod: `default/${name}` });
    this.#names.set(containerID, name);
  }

  stop(containerID: string): void {
    this.#ipam.del({ containerID, ifName: 'eth0' });
    this.#names.delete(containerID);
  }

  text(): string {
    const { reservations } = this.#ipam.list();
    return reservations.map((r) => `${r.address} ${this.#names.get(r.containerID)}\n`).join('');
  }
}
