/**
 * Names that follow from what the runtime hands over, so that DEL, GC and the agent find the kernel's
 * objects without any state of ours.
 */

const ALPHABET = '0123456789abcdefghijklmnopqrstuv';
const PREFIX = 'veth';
const NETWORK_DIGITS = 4;
const ATTACHMENT_DIGITS = 7;

/** Bytes of a string as UTF-8, one 32-bit FNV-1a lane per seed: no allocation, the same under Node and QuickJS. */
function fnv1a(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  // FNV leaves its high bits poorly mixed for short inputs; finish as murmur3 does.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** So many characters of 5 bits that follow from the text; 12 at most are worth something. */
export function digest(text: string, digits: number): string {
  let low = fnv1a(text, 0x811c9dc5);
  let high = fnv1a(text, 0x9747b28c);
  let out = '';
  for (let i = 0; i < digits; i++) {
    out += ALPHABET[low & 31];
    low = ((low >>> 5) | ((high & 31) << 27)) >>> 0;
    high >>>= 5;
  }
  return out;
}

/**
 * The part of a host veth's name that all attachments of one network share: `veth` and four characters.
 * GC tells by it which links of a bridge belong to the network.
 */
export function hostVethPrefix(network: string): string {
  return PREFIX + digest(network, NETWORK_DIGITS);
}

/**
 * The host end's name for an attachment: 15 bytes, as long as the kernel allows (IFNAMSIZ - 1).
 *
 * `veth` + 20 bits of the network's name + 35 bits of container ID and interface name. A collision inside
 * one network makes ADD fail with EEXIST, and the runtime's retry has another container ID.
 */
export function hostVethName(network: string, containerID: string, ifName: string): string {
  return hostVethPrefix(network) + digest(`${containerID}/${ifName}`, ATTACHMENT_DIGITS);
}

/** The name of the bridge's port to the node's own end in one of its VLANs: 15 bytes, told apart from pods' ports. */
export function vlanPortName(bridge: string, vlan: number): string {
  return `vlan${digest(`${bridge}/${vlan}`, NETWORK_DIGITS + ATTACHMENT_DIGITS)}`;
}
