/** Names that follow from the runtime's input, so DEL, GC and the agent find kernel objects without stored state. */
import { digest } from '#digest';

const PREFIX = 'veth';
const NETWORK_DIGITS = 4;
const ATTACHMENT_DIGITS = 7;

/**
 * Returns the prefix of the host veth names of one network: `veth` and four characters. GC selects the network's links
 * by it.
 */
export function hostVethPrefix(network: string): string {
  return PREFIX + digest(network, NETWORK_DIGITS);
}

/**
 * Returns the name of an attachment's host end: 15 bytes, the kernel's maximum (IFNAMSIZ - 1).
 *
 * It consists of `veth`, 20 bits for the network's name, and 35 bits for container ID and interface name. A collision
 * inside one network makes ADD fail with EEXIST, and the runtime's retry has another container ID.
 */
export function hostVethName(network: string, containerID: string, ifName: string): string {
  return hostVethPrefix(network) + digest(`${containerID}/${ifName}`, ATTACHMENT_DIGITS);
}

/** Returns the name of the bridge port for the node's own interface in a VLAN: 15 bytes, unlike any pod's port. */
export function vlanPortName(bridge: string, vlan: number): string {
  return `vlan${digest(`${bridge}/${vlan}`, NETWORK_DIGITS + ATTACHMENT_DIGITS)}`;
}
