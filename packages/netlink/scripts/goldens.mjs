/** The commands whose conversation with the kernel is kept; src/goldens.test.ts says what each must be. */
const pair = ['ip link add a0 type veth peer name a1', 'ip link set a0 up', 'ip link set a1 up'];
const net = [...pair, 'ip addr add 10.0.0.1/24 dev a0', 'ip addr add fd00::1/64 dev a0 nodad'];
const bridge = ['ip link add br0 type bridge'];

export const goldens = [
  {
    name: 'link-add-bridge',
    command: 'ip link add mtu 1400 up name br9 type bridge group_fwd_mask 8 nf_call_iptables 0',
  },
  {
    name: 'link-add-bridge-vlan',
    command: 'ip link add name br9 type bridge stp_state 1 vlan_filtering 1 vlan_default_pvid 0',
  },
  {
    name: 'link-add-bridge-mcast',
    command:
      'ip link add name br9 type bridge mcast_snooping 0 mcast_querier 1 mcast_hash_max 512 mcast_query_interval 2000 mcast_igmp_version 3',
  },
  {
    name: 'link-add-veth',
    setup: ['ip netns add pod'],
    command:
      'ip link add mtu 1400 up name v0 type veth peer mtu 1400 address 02:00:00:00:00:02 netns pod name eth0',
  },
  {
    name: 'link-add-vxlan',
    command: 'ip link add name vx0 type vxlan id 42 nolearning dstport 4789 local 10.0.0.1',
  },
  { name: 'link-add-vxlan6', command: 'ip link add name vx0 type vxlan id 42 dstport 4789 remote fd00::2' },
  {
    name: 'link-add-bond',
    command:
      'ip link add name bond9 type bond mode active-backup miimon 100 updelay 200 primary_reselect better arp_validate active arp_ip_target 192.0.2.1,192.0.2.2',
  },
  {
    name: 'link-add-gre',
    command: 'ip link add name gre9 type gre local 192.0.2.1 remote 192.0.2.2 ttl 9 key 7 csum',
  },
  {
    name: 'link-add-gretap',
    command: 'ip link add name tap9 type gretap local 192.0.2.1 remote 192.0.2.2 nopmtudisc',
  },
  {
    name: 'link-add-ip6gre',
    command: 'ip link add name gre6 type ip6gre local fd00::1 remote fd00::2 hoplimit 9 encaplimit 3',
  },
  {
    name: 'link-add-ipip',
    command:
      'ip link add name ipip9 type ipip local 192.0.2.1 remote 192.0.2.2 ttl 9 encap fou encap-sport auto encap-dport 5555',
  },
  {
    name: 'link-add-sit',
    command: 'ip link add name sit9 type sit local 192.0.2.1 remote 192.0.2.2 mode ip6ip',
  },
  {
    name: 'link-add-ip6tnl',
    command: 'ip link add name tnl9 type ip6tnl local fd00::1 remote fd00::2 mode ipip6',
  },
  {
    name: 'link-add-geneve',
    command: 'ip link add name gnv9 type geneve id 7 remote fd00::2 dstport 6082 ttl 5',
  },
  {
    name: 'mdb-show',
    setup: [
      ...bridge,
      ...pair,
      'ip link set br0 up',
      'ip link set a0 master br0',
      'bridge mdb add dev br0 port a0 grp 239.1.1.1 permanent',
    ],
    command: 'bridge mdb show',
    answers: true,
  },
  { name: 'link-add-dummy', command: 'ip link add name d0 type dummy' },
  { name: 'link-add-ifb', command: 'ip link add name ifb9 type ifb' },
  { name: 'link-add-vrf', command: 'ip link add name red type vrf table 10' },
  { name: 'link-add-vlan', setup: pair, command: 'ip link add link a0 name a0.5 type vlan id 5' },
  { name: 'link-add-macvlan', setup: pair, command: 'ip link add link a0 name mv0 type macvlan mode bridge' },
  { name: 'link-add-ipvlan', setup: pair, command: 'ip link add link a0 name iv0 type ipvlan mode l3' },
  {
    name: 'link-set',
    setup: [...bridge, ...pair],
    command: 'ip link set dev a0 mtu 1300 address 02:00:00:00:00:01 master br0 up',
  },
  {
    name: 'link-set-hairpin',
    setup: [...bridge, ...pair, 'ip link set a0 master br0'],
    command: 'ip link set a0 type bridge_slave hairpin on isolated on',
  },
  { name: 'link-del', setup: pair, command: 'ip link del a0', type: 17 },
  {
    name: 'vlan-add',
    setup: [...bridge, ...pair, 'ip link set a0 master br0'],
    command: 'bridge vlan add dev a0 vid 5 pvid untagged',
  },
  { name: 'vlan-add-range', setup: bridge, command: 'bridge vlan add dev br0 vid 10-20 self' },
  {
    name: 'vlan-del',
    setup: [...bridge, ...pair, 'ip link set a0 master br0'],
    command: 'bridge vlan del dev a0 vid 5',
  },
  { name: 'link-exists', setup: pair, command: 'ip link add name a0 type veth', answers: true },
  {
    name: 'link-show-tun',
    setup: ['ip tuntap add dev tun9 mode tun user 7'],
    command: 'ip -d link show dev tun9',
    answers: true,
  },
  {
    name: 'link-show',
    setup: [...bridge, ...pair, 'ip link set a0 master br0'],
    command: 'ip -d link show',
    answers: true,
  },
  { name: 'address-add', setup: pair, command: 'ip addr add 10.1.0.1/24 broadcast 10.1.0.255 dev a0' },
  { name: 'address-add6', setup: pair, command: 'ip addr add fd01::1/64 dev a0 nodad' },
  {
    name: 'address-del',
    setup: [...pair, 'ip addr add 10.1.0.1/24 dev a0'],
    command: 'ip addr del 10.1.0.1/24 dev a0',
    type: 21,
  },
  { name: 'address-show', setup: net, command: 'ip addr show', answers: true },
  {
    name: 'route-add',
    setup: net,
    command: 'ip route add 10.2.0.0/16 via 10.0.0.9 src 10.0.0.1 metric 7 dev a0 proto 201',
  },
  { name: 'route-add-direct', setup: net, command: 'ip route add 10.3.0.0/16 dev a0 proto 201' },
  {
    name: 'route-add-onlink',
    setup: net,
    command: 'ip route add 10.2.0.0/16 via 192.0.2.1 dev a0 onlink mtu 1400 proto static',
  },
  { name: 'route-add-default6', setup: net, command: 'ip route add default via fd00::9 proto static' },
  { name: 'route-add-default', setup: net, command: 'ip route add default via 10.0.0.9 proto static' },
  {
    name: 'route-add-table',
    setup: net,
    command: 'ip route replace 10.2.0.0/16 via 10.0.0.9 table 1000 proto static',
  },
  { name: 'route-add-blackhole', command: 'ip route append blackhole 10.66.0.0/16 proto static' },
  {
    name: 'route-add-multipath',
    setup: net,
    command:
      'ip route add 10.7.0.0/16 proto static nexthop via 10.0.0.8 dev a0 weight 2 nexthop via 10.0.0.9 dev a0 onlink',
  },
  {
    name: 'route-add-via6',
    setup: net,
    command: 'ip route add 10.8.0.0/16 via inet6 fd00::9 dev a0 proto static',
  },
  {
    name: 'route-del',
    setup: [...net, 'ip route add 10.2.0.0/16 via 10.0.0.9'],
    command: 'ip route del 10.2.0.0/16 via 10.0.0.9',
  },
  {
    name: 'route-del6',
    setup: [...net, 'ip route add fd09::/64 via fd00::9'],
    command: 'ip route del fd09::/64',
  },
  {
    name: 'route-show',
    setup: [
      ...net,
      'ip route add 10.7.0.0/16 nexthop via 10.0.0.8 dev a0 weight 2 nexthop via 10.0.0.9 dev a0',
      'ip route add default via 10.0.0.9 mtu 1400',
    ],
    command: 'ip route show table main',
    answers: true,
  },
  {
    name: 'neighbour-replace',
    setup: net,
    command: 'ip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev a0',
  },
  {
    name: 'fdb-append',
    setup: ['ip link add vx0 type vxlan id 42 dstport 4789'],
    command: 'bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.9 self permanent',
  },
  {
    name: 'qdisc-add-tbf',
    setup: pair,
    command: 'tc qdisc add dev a0 root tbf rate 8mbit burst 32kb latency 25ms',
  },
  { name: 'qdisc-add-ingress', setup: pair, command: 'tc qdisc add dev a0 ingress' },
  {
    name: 'filter-add',
    setup: [...pair, 'ip link add if0 type ifb', 'tc qdisc add dev a0 ingress'],
    command:
      'tc filter add dev a0 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev if0',
  },
  {
    name: 'nft-list',
    setup: [
      'nft add table inet t',
      'nft add chain inet t out { type nat hook postrouting priority 100 ; }',
      'nft add chain inet t c',
      'nft add map inet t ports { type inet_proto . inet_service : ipv4_addr . inet_service ; }',
      'nft add element inet t ports { tcp . 8080 : 10.0.0.2 . 80 }',
      'nft add rule inet t out ip saddr 10.244.0.0/16 oifname != cni0 counter masquerade comment pods',
      'nft add rule inet t c ct state established accept',
      'nft add rule inet t c tcp dport { 80, 443 } limit rate 5/second accept',
    ],
    command: 'nft list ruleset',
    answers: true,
  },
  {
    name: 'nft-queue',
    command:
      'nft add table ip t ; add chain ip t c ; add rule ip t c queue num 3-5 bypass,fanout ; add rule ip t c ct count over 20',
    // NFNL_MSG_BATCH_BEGIN: later requests of nft read the rule set.
    type: 16,
  },
  {
    name: 'nft-flowtable',
    command: [
      'nft add table ip t ; add flowtable ip t f { hook ingress priority 5 ; devices = { a0, a1 } ; }',
      'add chain ip t c ; add rule ip t c flow add @f',
    ].join(' ; '),
    setup: pair,
    type: 16,
  },
  {
    name: 'nft-maps',
    command: [
      'nft add table inet t ; add chain inet t c ; add chain inet t d',
      'add map inet t pods { type ipv4_addr : verdict ; }',
      'add map inet t ports { type ipv4_addr . inet_proto . inet_service : verdict ; }',
      'create element inet t pods { 10.0.0.2 comment one : jump d }',
      'add element inet t ports { 10.0.0.1 . tcp . 8080 comment two : goto d }',
      'add rule inet t c ip saddr vmap @pods',
      'add rule inet t c ip daddr . meta l4proto . th dport vmap @ports',
      'add rule inet t c meta mark set meta mark | 0x2000',
      'add rule inet t c meta mark & 0x2000 == 0x2000 accept',
      'add table bridge b ; add chain bridge b c',
      'add rule bridge b c ether saddr 02:00:00:00:00:01 return',
    ].join(' ; '),
  },
  {
    name: 'conntrack-list',
    setup: ['conntrack -I -t 600 -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 53 --mark 7'],
    command: 'conntrack -L',
    answers: true,
  },
  {
    name: 'ipset-list',
    setup: ['ipset create pods hash:net', 'ipset add pods 10.244.1.0/24', 'ipset add pods 192.0.2.7'],
    command: 'ipset save pods',
    answers: true,
  },
  { name: 'genl-list', command: 'genl ctrl list', tool: 'ip', answers: true },
  { name: 'rule-add', command: 'ip rule add from 10.0.0.0/8 priority 100 table 1000' },
  { name: 'rule-add-mark', command: 'ip -6 rule add to fd00::/8 priority 101 fwmark 0x10/0xff table 100' },
];
