import { IN6_ADDR_GEN_MODE_NONE, newAddress, type Request, setLink } from '@cnikit/netlink';
import { linkLocalAddress } from './mac.ts';

/**
 * Requests that give a link its IPv6 link-local address at once and keep the kernel from making it, for a link
 * that has no carrier yet. The kernel's own would wait for the detection of duplicates, and until then the link
 * could ask for no neighbour.
 */
export function linkLocal(index: number, mac: string): Request[] {
  return [
    setLink({ index, addrGenMode: IN6_ADDR_GEN_MODE_NONE }),
    newAddress({ index, address: `${linkLocalAddress(mac)}/64`, nodad: true }),
  ];
}
