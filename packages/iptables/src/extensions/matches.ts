import { addressRange } from './addresses.ts';
import { icmp6Type, icmpType } from './icmp.ts';
import { mark } from './marks.ts';
import {
  address,
  anyPort,
  asIs,
  comment,
  decimal,
  type ExtensionSpec,
  flag,
  named,
  port,
  ports,
  probability,
  range,
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

const PACKET_TYPE = named({
  unicast: 'unicast',
  host: 'unicast',
  broadcast: 'broadcast',
  bcast: 'broadcast',
  multicast: 'multicast',
  mcast: 'multicast',
  otherhost: 'otherhost',
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
  comment: { options: { '--comment': comment } },
  connmark: { options: { '--mark': mark } },
  connlimit: {
    options: {
      '--connlimit-upto': decimal,
      '--connlimit-above': decimal,
      '--connlimit-mask': decimal,
      '--connlimit-saddr': flag,
      '--connlimit-daddr': flag,
    },
    defaults: ({ family }, has) => ({
      '--connlimit-mask': [family === 'ipv4' ? '32' : '128'],
      ...(has('--connlimit-daddr') ? {} : { '--connlimit-saddr': [] }),
    }),
    exclusive: ['--connlimit-saddr', '--connlimit-daddr'],
    rewrite: (option) => {
      const opposite = { '--connlimit-upto': '--connlimit-above', '--connlimit-above': '--connlimit-upto' }[
        option.name
      ];
      return option.not && opposite !== undefined ? [{ ...option, name: opposite, not: false }] : undefined;
    },
    stateful: true,
  },
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
  icmp: { options: { '--icmp-type': icmpType } },
  icmp6: { options: { '--icmpv6-type': icmp6Type } },
  iprange: { options: { '--src-range': addressRange, '--dst-range': addressRange } },
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
  pkttype: { options: { '--pkt-type': PACKET_TYPE } },
  recent: {
    options: {
      '--set': flag,
      '--rcheck': flag,
      '--update': flag,
      '--remove': flag,
      '--seconds': decimal,
      '--reap': flag,
      '--hitcount': decimal,
      '--rttl': flag,
      '--name': asIs,
      '--mask': address,
      '--rsource': flag,
      '--rdest': flag,
    },
    defaults: ({ family }, has) => ({
      '--name': ['DEFAULT'],
      '--mask': [family === 'ipv4' ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
      ...(has('--rdest') ? {} : { '--rsource': [] }),
    }),
    exclusive: ['--rsource', '--rdest'],
    stateful: true,
  },
  sctp: { options: { '--sport': anyPort, '--dport': anyPort }, aliases: PORT_ALIASES },
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
  tcpmss: { options: { '--mss': range(65_535) } },
  udp: { options: { '--sport': port, '--dport': port }, aliases: PORT_ALIASES },
};
