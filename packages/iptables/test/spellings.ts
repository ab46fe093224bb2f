import type { Family } from '../src/index.ts';

/** A declared rule and its text in iptables-save. */
export interface Spelling {
  /** The arguments after `iptables -A CHAIN`, separated by spaces. */
  readonly declared: string;
  /** Replaces the argument `TEXT` of `declared`; may contain spaces. */
  readonly text?: string;
  /** @default the same as `declared` */
  readonly saved?: string;
  readonly family?: Family;
  /** @default 'filter' */
  readonly table?: 'nat' | 'mangle' | 'raw';
}

/** Returns the argv of a declared rule. */
export function spellingArgv({ declared, text }: Spelling): string[] {
  return declared.split(' ').map((word) => (word === 'TEXT' ? (text ?? '') : word));
}

/**
 * Output of iptables-save 1.8.9 (Debian 12, Linux 6.18, x86-64), equal for both backends. The live tests
 * compare the installed version with it.
 */
export const SPELLINGS: readonly Spelling[] = [
  // Addresses
  { family: 'ipv4', declared: '-s 10.1.2.3/16 -j ACCEPT', saved: '-s 10.1.0.0/16 -j ACCEPT' },
  { family: 'ipv4', declared: '-s 10.0.0.1 -d 10.1.2.3/16', saved: '-s 10.0.0.1/32 -d 10.1.0.0/16' },
  { family: 'ipv4', declared: '--src 10.0.0.0/255.255.0.0 -j ACCEPT', saved: '-s 10.0.0.0/16 -j ACCEPT' },
  {
    family: 'ipv4',
    declared: '-s 10.1.2.3/255.0.255.0 -j ACCEPT',
    saved: '-s 10.0.2.0/255.0.255.0 -j ACCEPT',
  },
  { family: 'ipv4', declared: '-s 0.0.0.0/0 -j ACCEPT', saved: '-j ACCEPT' },
  { family: 'ipv6', declared: '-s FD00:0:0::1/64 -j ACCEPT', saved: '-s fd00::/64 -j ACCEPT' },
  { family: 'ipv6', declared: '! -d fd00::0001 -j DROP', saved: '! -d fd00::1/128 -j DROP' },
  { family: 'ipv6', declared: '-s ::/0 -j ACCEPT', saved: '-j ACCEPT' },
  { family: 'ipv6', declared: '-d ::ffff:1.2.3.4 -j ACCEPT', saved: '-d ::ffff:1.2.3.4/128 -j ACCEPT' },
  { family: 'ipv6', declared: '-d 1:0:0:2:0:0:0:3 -j ACCEPT', saved: '-d 1:0:0:2::3/128 -j ACCEPT' },
  { family: 'ipv6', declared: '-d fd00::/ffff:ffff:: -j ACCEPT', saved: '-d fd00::/32 -j ACCEPT' },
  // Interfaces and protocols
  { declared: '! -i eth+ -o eth0 -p tcp -j RETURN' },
  { declared: '--in-interface eth0 --out-interface + -j RETURN', saved: '-i eth0 -j RETURN' },
  { declared: '-j RETURN -o eth0', saved: '-o eth0 -j RETURN' },
  { declared: '-p TCP -j ACCEPT', saved: '-p tcp -j ACCEPT' },
  { declared: '-p 17 -j ACCEPT', saved: '-p udp -j ACCEPT' },
  { declared: '-p all -j ACCEPT', saved: '-j ACCEPT' },
  { declared: '! -p icmp -j ACCEPT' },
  { declared: '-p icmpv6 -j ACCEPT', saved: '-p ipv6-icmp -j ACCEPT' },
  { declared: '-p 255 -j ACCEPT' },
  { family: 'ipv4', declared: '! -f', saved: '! -f' },
  { family: 'ipv4', declared: '-f -p tcp -i lo', saved: '-i lo -p tcp -f' },
  // Comments and their quotes
  { declared: '-m comment --comment hello_1 -j RETURN' },
  {
    declared: '-m comment --comment TEXT -j RETURN',
    text: 'a:b',
    saved: '-m comment --comment "a:b" -j RETURN',
  },
  { declared: '-m comment --comment TEXT', text: '', saved: '-m comment --comment ""' },
  { declared: '-m comment --comment TEXT', text: '!', saved: '-m comment --comment "!"' },
  { declared: '-m comment --comment TEXT', text: '-m', saved: '-m comment --comment -m' },
  { declared: '-m comment --comment TEXT', text: 'ä $x;', saved: '-m comment --comment "ä $x;"' },
  {
    declared: '-m comment --comment TEXT -j RETURN',
    text: `hello "w" it's \\ back`,
    saved: `-m comment --comment "hello \\"w\\" it\\'s \\\\ back" -j RETURN`,
  },
  { declared: '-m comment --comment=TEXT', saved: '-m comment --comment TEXT' },
  // Ports
  { declared: '-p tcp --dport 80:90 --sport 1', saved: '-p tcp -m tcp --sport 1 --dport 80:90' },
  { declared: '-p tcp -m tcp ! --destination-port 80:80', saved: '-p tcp -m tcp ! --dport 80' },
  { declared: '-p udp --dport :53', saved: '-p udp -m udp --dport 0:53' },
  { declared: '-p udp --dport 53:', saved: '-p udp -m udp --dport 53:65535' },
  { declared: '-p tcp --sport 0:65535', saved: '-p tcp -m tcp' },
  { declared: '-p sctp --dport 1:5', saved: '-p sctp -m sctp --dport 1:5' },
  {
    declared: '-p tcp -m comment --comment a --dport 5',
    saved: '-p tcp -m comment --comment a -m tcp --dport 5',
  },
  {
    declared: '-p tcp -m multiport --destination-ports 80,443,1000:2000',
    saved: '-p tcp -m multiport --dports 80,443,1000:2000',
  },
  { declared: '-p tcp -m multiport ! --ports 80' },
  // TCP and ICMP
  { declared: '-p tcp --syn', saved: '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN' },
  { declared: '-p tcp ! --syn', saved: '-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN' },
  { declared: '-p tcp --tcp-flags SYN,FIN SYN', saved: '-p tcp -m tcp --tcp-flags FIN,SYN SYN' },
  {
    declared: '-p tcp --tcp-flags ALL NONE',
    saved: '-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE',
  },
  { family: 'ipv4', declared: '-p icmp --icmp-type echo-request', saved: '-p icmp -m icmp --icmp-type 8' },
  { family: 'ipv4', declared: '-p icmp ! --icmp-type 3/1', saved: '-p icmp -m icmp ! --icmp-type 3/1' },
  { family: 'ipv4', declared: '-p icmp --icmp-type any', saved: '-p icmp -m icmp --icmp-type any' },
  {
    family: 'ipv6',
    declared: '-p icmpv6 --icmpv6-type echo-request',
    saved: '-p ipv6-icmp -m icmp6 --icmpv6-type 128',
  },
  // Connection tracking and marks
  {
    declared: '-m conntrack --ctstate ESTABLISHED,RELATED',
    saved: '-m conntrack --ctstate RELATED,ESTABLISHED',
  },
  { declared: '-m conntrack ! --ctstate invalid', saved: '-m conntrack ! --ctstate INVALID' },
  {
    declared: '-m conntrack --ctstate UNTRACKED,SNAT,DNAT,INVALID,NEW',
    saved: '-m conntrack --ctstate INVALID,NEW,UNTRACKED,SNAT,DNAT',
  },
  {
    declared: '-m conntrack --ctdir ORIGINAL --ctstate NEW --ctproto 6',
    saved: '-m conntrack --ctstate NEW --ctproto 6 --ctdir ORIGINAL',
  },
  { declared: '-m state --state NEW' },
  { declared: '-m mark --mark 16384', saved: '-m mark --mark 0x4000' },
  { declared: '-m mark ! --mark 0x4000/0x4000' },
  { declared: '-m mark --mark 1/0xffffffff', saved: '-m mark --mark 0x1' },
  { declared: '-m connmark --mark 1/3', saved: '-m connmark --mark 0x1/0x3' },
  { declared: '-j MARK --set-mark 1', saved: '-j MARK --set-xmark 0x1/0xffffffff' },
  { declared: '-j MARK --set-mark 3/1', saved: '-j MARK --set-xmark 0x3/0x3' },
  { declared: '-j MARK --set-xmark 0x4000/0x4000' },
  { declared: '-j MARK --or-mark 0x4000', saved: '-j MARK --set-xmark 0x4000/0x4000' },
  { declared: '-j MARK --and-mark 0x4000', saved: '-j MARK --set-xmark 0x0/0xffffbfff' },
  { declared: '-j MARK --xor-mark 3', saved: '-j MARK --set-xmark 0x3/0x0' },
  {
    table: 'mangle',
    declared: '-j CONNMARK --restore-mark',
    saved: '-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
  },
  {
    table: 'mangle',
    declared: '-j CONNMARK --save-mark --mask 3',
    saved: '-j CONNMARK --save-mark --nfmask 0x3 --ctmask 0x3',
  },
  { table: 'mangle', declared: '-j CONNMARK --and-mark 3', saved: '-j CONNMARK --set-xmark 0x0/0xfffffffc' },
  // Other matches
  { declared: '-m addrtype --dst-type local', saved: '-m addrtype --dst-type LOCAL' },
  {
    family: 'ipv4',
    declared: '-m addrtype --src-type BROADCAST,LOCAL,UNICAST ! --dst-type MULTICAST',
    saved: '-m addrtype --src-type UNICAST,LOCAL,BROADCAST ! --dst-type MULTICAST',
  },
  {
    declared: '-m addrtype --limit-iface-in ! --src-type MULTICAST,LOCAL',
    saved: '-m addrtype ! --src-type LOCAL,MULTICAST --limit-iface-in',
  },
  { declared: '-m limit', saved: '-m limit --limit 3/hour' },
  { declared: '-m limit --limit 3/minute --limit-burst 5', saved: '-m limit --limit 3/min' },
  { declared: '-m limit --limit 60/m --limit-burst 10', saved: '-m limit --limit 1/sec --limit-burst 10' },
  { declared: '-m limit --limit 90/min' },
  { declared: '-m limit --limit 10', saved: '-m limit --limit 10/sec' },
  {
    declared: '-m statistic --mode random --probability 0.33333',
    saved: '-m statistic --mode random --probability 0.33332999982',
  },
  {
    declared: '-m statistic --mode nth --packet 0 --every 3',
    saved: '-m statistic --mode nth --every 3 --packet 0',
  },
  { declared: '-m physdev --physdev-is-bridged' },
  { declared: '-m pkttype --pkt-type multicast' },
  { family: 'ipv4', declared: '-m iprange --src-range 10.0.0.1-10.0.0.9' },
  // Targets
  { family: 'ipv4', declared: '-j REJECT', saved: '-j REJECT --reject-with icmp-port-unreachable' },
  {
    family: 'ipv4',
    declared: '-j REJECT --reject-with host-unreach',
    saved: '-j REJECT --reject-with icmp-host-unreachable',
  },
  { family: 'ipv6', declared: '-j REJECT', saved: '-j REJECT --reject-with icmp6-port-unreachable' },
  {
    family: 'ipv6',
    declared: '-j REJECT --reject-with addr-unreach',
    saved: '-j REJECT --reject-with icmp6-addr-unreachable',
  },
  { declared: '-j REJECT --reject-with tcp-reset -p tcp', saved: '-p tcp -j REJECT --reject-with tcp-reset' },
  {
    declared: '-j LOG --log-prefix TEXT --log-level info',
    text: '[X] ',
    saved: '-j LOG --log-prefix "[X] " --log-level 6',
  },
  {
    declared: '-j LOG --log-tcp-options --log-level warning --log-prefix x',
    saved: '-j LOG --log-prefix x --log-tcp-options',
  },
  {
    declared: '-j NFLOG --nflog-group 1 --nflog-prefix x',
    saved: '-j NFLOG --nflog-prefix x --nflog-group 1',
  },
  { table: 'nat', declared: '-o eth0 -j MASQUERADE --random-fully' },
  {
    table: 'nat',
    declared: '-p tcp -j MASQUERADE --random --to-ports 1-2',
    saved: '-p tcp -j MASQUERADE --to-ports 1-2 --random',
  },
  { table: 'nat', family: 'ipv4', declared: '-j SNAT --to 10.0.0.1', saved: '-j SNAT --to-source 10.0.0.1' },
  {
    table: 'nat',
    family: 'ipv4',
    declared: '-p tcp -j DNAT --to 10.0.0.2:80',
    saved: '-p tcp -j DNAT --to-destination 10.0.0.2:80',
  },
  { table: 'nat', family: 'ipv6', declared: '-p tcp -j DNAT --to-destination [fd00::2]:80' },
  { table: 'nat', declared: '-p tcp -j REDIRECT --to-port 80', saved: '-p tcp -j REDIRECT --to-ports 80' },
  { table: 'raw', declared: '-j CT --notrack' },
  {
    table: 'mangle',
    declared: '-p tcp -j TCPMSS --clamp-mss-to-pmtu --syn',
    saved: '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --clamp-mss-to-pmtu',
  },
];
