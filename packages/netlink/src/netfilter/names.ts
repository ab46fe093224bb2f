/** Names of nftables objects that `nft` can read back. The kernel accepts any name. */
import { NetlinkEncodeError } from '../codec/errors.ts';

/** Keywords of nft's grammar, which cannot be names in a file for `nft -f`. */
const KEYWORDS =
  ' accept add ah all and arp auto-merge bridge cgroup chain comment comp constant continue counter' +
  ' cpu create ct day dccp define delete describe destroy device devices dnat drop dst dup dynamic' +
  ' ecn element elements eq esp ether exists expires export exthdr fib flags flow flowtable flush' +
  ' frag fwd gc-interval ge get goto gt handle hbh hook hour ibriport ibrname icmp icmpv6 igmp iif' +
  ' iifgroup iifname iiftype import include index inet insert interval ip ip6 ipsec jhash jump le' +
  ' limit list log lt map mark masquerade meta meter mh missing monitor ne netdev nftrace not' +
  ' notrack numgen obriport obrname offload oif oifgroup oifname oiftype or osf pkttype policy' +
  ' position priority queue quota random redefine redirect reject rename replace reset return rt rt0' +
  ' rt2 rtclassid rule ruleset sctp secmark set size skgid skuid snat socket srh symhash synproxy' +
  ' table tcp th time timeout tproxy type typeof udp udplite undefine update vlan vmap xor xt ';

/** Length of the longest keyword. */
const MAX_KEYWORD = Math.max(...KEYWORDS.split(' ').map(({ length }) => length));

/**
 * Checks the name of an object to create. A listing with such a name would make `nft -f` refuse the whole file.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST when `nft` cannot read the name
 */
export function checkName(kind: string, name: string): void {
  const isReadable = typeof name === 'string' && /^[A-Za-z_][\w./:-]*$/.test(name);
  if (!isReadable || (name.length <= MAX_KEYWORD && KEYWORDS.includes(` ${name} `))) {
    throw new NetlinkEncodeError('BAD_REQUEST', `nft -f cannot read a ${kind} named ${JSON.stringify(name)}`);
  }
}
