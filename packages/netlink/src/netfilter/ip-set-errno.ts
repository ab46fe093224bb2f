/** The errno of ipset, which errno.h does not have (enum ipset_errno in linux/netfilter/ipset/ip_set.h). */

/** Names and meanings from IPSET_ERR_PRIVATE + 1 on. */
const COMMON = [
  ['PROTOCOL', 'the kernel and this program have no version of the protocol in common'],
  ['FIND_TYPE', 'the kernel lacks this set type: load its module, such as ip_set_hash_net'],
  ['MAX_SETS', 'the kernel has its maximum number of sets: raise max_sets of the module ip_set'],
  ['BUSY', 'the set is in use: a rule or another set references it'],
  ['EXIST_SETNAME2', 'a set of the new name exists'],
  ['TYPE_MISMATCH', 'the sets have different types'],
  ['EXIST', 'the element exists, or does not exist'],
  ['INVALID_CIDR', 'invalid prefix length: 0 is not allowed'],
  ['INVALID_NETMASK', 'invalid netmask'],
  ['INVALID_FAMILY', 'the set type does not support this address family'],
  ['TIMEOUT', 'the set was created without timeouts'],
  ['REFERENCED', 'the set is referenced'],
  ['IPADDR_IPV4', 'expected an IPv4 address'],
  ['IPADDR_IPV6', 'expected an IPv6 address'],
  ['COUNTER', 'the set was created without counters'],
  ['COMMENT', 'the set was created without comments'],
  ['INVALID_MARKMASK', 'invalid mark mask'],
  ['SKBINFO', 'the set was created without skbinfo'],
  ['BITMASK_NETMASK_EXCL', 'a bitmask and a netmask exclude each other'],
] as const;

/** The same for sets of type hash, from IPSET_ERR_TYPE_SPECIFIC on. */
const HASH = [
  ['HASH_FULL', 'the set has its maximum number of elements (maxelem)'],
  ['HASH_ELEM', 'the element cannot be stored: its prefix length is 0, or its address is null'],
  ['INVALID_PROTO', 'invalid protocol'],
  ['MISSING_PROTO', 'the protocol is missing'],
  ['HASH_RANGE_UNSUPPORTED', 'the set type does not support ranges'],
  ['HASH_RANGE', 'the range is invalid'],
] as const;

const FIRST_COMMON = 4097;
const FIRST_HASH = 4352;

/** Returns the name and the meaning of an errno of ipset; undefined for those of errno.h. */
export function ipSetErrno(errno: number): readonly [name: string, meaning: string] | undefined {
  const found = COMMON[errno - FIRST_COMMON] ?? HASH[errno - FIRST_HASH];
  return found && [`IPSET_ERR_${found[0]}`, found[1]];
}
