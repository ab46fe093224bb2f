import {
  address,
  asIs,
  decimal,
  type ExtensionSpec,
  flag,
  mark,
  named,
  port,
  ports,
  probability,
  rate,
  setOf,
  tcpFlags,
  unless,
} from './values.ts';

const PORT_ALIASES = { '--source-port': '--sport', '--destination-port': '--dport' };
const CT_STATE = setOf('INVALID NEW RELATED ESTABLISHED UNTRACKED SNAT DNAT');
const ADDRESS_TYPE = setOf(
  'UNSPEC UNICAST LOCAL BROADCAST ANYCAST MULTICAST BLACKHOLE UNREACHABLE PROHIBIT THROW NAT XRESOLVE',
);

const ICMP_TYPES = named({
  'echo-reply': '0',
  pong: '0',
  'destination-unreachable': '3',
  'network-unreachable': '3/0',
  'host-unreachable': '3/1',
  'protocol-unreachable': '3/2',
  'port-unreachable': '3/3',
  'fragmentation-needed': '3/4',
  'source-quench': '4',
  redirect: '5',
  'echo-request': '8',
  ping: '8',
  'router-advertisement': '9',
  'router-solicitation': '10',
  'time-exceeded': '11',
  'ttl-exceeded': '11',
  'parameter-problem': '12',
  'timestamp-request': '13',
  'timestamp-reply': '14',
});

const ICMP6_TYPES = named({
  'destination-unreachable': '1',
  'no-route': '1/0',
  'address-unreachable': '1/3',
  'port-unreachable': '1/4',
  'packet-too-big': '2',
  'time-exceeded': '3',
  'ttl-exceeded': '3',
  'parameter-problem': '4',
  'echo-request': '128',
  ping: '128',
  'echo-reply': '129',
  pong: '129',
  'router-solicitation': '133',
  'router-advertisement': '134',
  'neighbour-solicitation': '135',
  'neighbor-solicitation': '135',
  'neighbour-advertisement': '136',
  'neighbor-advertisement': '136',
  redirect: '137',
});

/** Matches with a known spelling in iptables-save, options in its order (iptables-extensions(8)). */
export const MATCHES: Readonly<Record<string, ExtensionSpec>> = {
  addrtype: {
    options: {
      '--src-type': ADDRESS_TYPE,
      '--dst-type': ADDRESS_TYPE,
      '--limit-iface-in': flag,
      '--limit-iface-out': flag,
    },
  },
  comment: { options: { '--comment': asIs } },
  connmark: { options: { '--mark': mark } },
  conntrack: {
    options: {
      '--ctstate': CT_STATE,
      '--ctproto': decimal,
      '--ctorigsrc': address,
      '--ctorigdst': address,
      '--ctreplsrc': address,
      '--ctrepldst': address,
      '--ctstatus': setOf('NONE EXPECTED SEEN_REPLY ASSURED CONFIRMED'),
      '--ctdir': setOf('ORIGINAL REPLY'),
    },
  },
  icmp: { options: { '--icmp-type': ICMP_TYPES } },
  icmp6: { options: { '--icmpv6-type': ICMP6_TYPES } },
  iprange: { options: { '--src-range': asIs, '--dst-range': asIs } },
  limit: {
    options: { '--limit': rate, '--limit-burst': unless('5', decimal) },
    defaults: () => ({ '--limit': ['3/hour'] }),
    stateful: true,
  },
  mark: { options: { '--mark': mark } },
  multiport: {
    options: { '--sports': ports, '--dports': ports, '--ports': ports },
    aliases: { '--source-ports': '--sports', '--destination-ports': '--dports' },
  },
  physdev: {
    options: {
      '--physdev-is-in': flag,
      '--physdev-in': asIs,
      '--physdev-is-out': flag,
      '--physdev-out': asIs,
      '--physdev-is-bridged': flag,
    },
  },
  pkttype: { options: { '--pkt-type': asIs } },
  sctp: { options: { '--sport': port, '--dport': port }, aliases: PORT_ALIASES },
  set: { options: { '--match-set': asIs, '--return-nomatch': flag } },
  state: { options: { '--state': CT_STATE } },
  statistic: {
    options: { '--mode': asIs, '--probability': probability, '--every': decimal, '--packet': decimal },
    stateful: true,
  },
  tcp: {
    options: { '--sport': port, '--dport': port, '--tcp-option': decimal, '--tcp-flags': tcpFlags },
    aliases: PORT_ALIASES,
    rewrite: (option) =>
      option.name === '--syn'
        ? [{ name: '--tcp-flags', not: option.not, values: ['FIN,SYN,RST,ACK', 'SYN'] }]
        : undefined,
  },
  tcpmss: { options: { '--mss': asIs } },
  udp: { options: { '--sport': port, '--dport': port }, aliases: PORT_ALIASES },
};
