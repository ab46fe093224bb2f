/** Commands of `ip` that create a link of each kind. The lower link of those that need one is `below`. */
const ends4 = 'local 192.0.2.1 remote 192.0.2.2';
const ends6 = 'local fd00::1 remote fd00::2';

/** Kinds that every kernel of the project's machines has. */
export const COMMON_KINDS: readonly string[] = [
  'type bridge stp_state 1 group_fwd_mask 8 mcast_snooping 0 ageing_time 2000',
  'type vxlan id 5 dstport 4789 local 192.0.2.1 nolearning ttl 5 udpcsum',
  'type vxlan id 6 dstport 4789 remote fd00::2 dev below ttl inherit',
  'mtu 1300 link below type macvlan mode private bcqueuelen 77',
  'mtu 1300 address 02:00:00:00:00:07 type ifb',
  'type veth peer name peer0',
];

/** Kinds that a full kernel has. */
export const FULL_KINDS: readonly string[] = [
  ...COMMON_KINDS,
  'type bond mode active-backup miimon 100 updelay 200 arp_validate none',
  'type bond mode 802.3ad lacp_rate fast xmit_hash_policy layer3+4 min_links 2',
  `type gre ${ends4} ttl 9 key 7 csum`,
  `type gretap ${ends4} nopmtudisc`,
  `type ip6gre ${ends6} hoplimit 9 encaplimit 3`,
  `type ip6gretap ${ends6}`,
  `type erspan ${ends4} seq key 5 erspan_ver 1 erspan 3`,
  `type ipip ${ends4} ttl 9`,
  `type sit ${ends4} ttl 9`,
  `type ip6tnl ${ends6} mode ipip6`,
  'type geneve id 7 remote 192.0.2.2 dstport 6082 ttl 5',
  'type geneve id 8 remote fd00::2 udp6zerocsumtx',
  'type vrf table 10',
  'type dummy',
  'type wireguard',
  'type bridge vlan_filtering 1 vlan_default_pvid 9',
  'link below type vlan id 5 loose_binding on',
  'link below type vlan protocol 802.1ad id 6',
  'link below type macvtap mode vepa',
  'link below type ipvlan mode l3s private',
];
