import fc from 'fast-check';
import type { Family } from '../src/index.ts';

/** An extension of iptables with values of every form that its options accept. */
export interface ExtensionCase {
  readonly name: string;
  readonly kind: 'match' | 'target';
  readonly family?: Family;
  /** @default 'filter' */
  readonly table?: 'nat' | 'mangle' | 'raw' | 'security';
  /** Options before the extension, such as the protocol that it needs. */
  readonly before?: string;
  /** Options that every rule has. */
  readonly always?: string;
  /**
   * Values by option; `!` in front of an option marks one that can be negated. An empty value is a flag, and a space
   * separates two values.
   */
  readonly options: Readonly<Record<string, readonly string[]>>;
}

const FLAG = [''];
const PORTS = ['80', '080', '80:90', '80:80', ':53', '53:', '0:65535', '0', 'http', 'http:https', 'HTTP'];
const PORT_LISTS = ['80', '80,443', '443,80', '80:90,http', 'domain,ssh', '80:80'];
const NUMBERS = ['0', '5', '0x10', '010', '255'];
const RANGES = ['5', '0x10', '1:5', '5:5', ':9', '9:'];
const MARKS = ['0', '5', '0x10', '010', '0XAB', '1/3', '7/0xff', '0xff/0x0f', '5/0xffffffff', '0/0'];
const MARK_OPTIONS = {
  '--set-mark': MARKS,
  '--set-xmark': MARKS,
  '--and-mark': MARKS,
  '--or-mark': MARKS,
  '--xor-mark': MARKS,
};
const MASKS = ['3', '0x10', '0xffffffff', '010'];
const PORT_OPTIONS = {
  '!--sport': PORTS,
  '!--dport': PORTS,
  '!--source-port': PORTS,
  '!--destination-port': PORTS,
};
const V4 = ['10.0.0.1', '10.0.0.0/8', '10.1.2.3/16', '10.0.0.0/255.0.0.0'];
const V6 = ['fd00::1', 'FD00::1', 'fd00:0::1', 'fd00::/64', 'fd00::1/64', '::ffff:10.0.0.1'];
const RATES = ['1', '10/s', '3/min', '7/hour', '2/day', '60/m', '100/second', '1/Minute', '90/hours'];
const ICMP4 = (
  'any echo-reply pong destination-unreachable network-unreachable host-unreachable protocol-unreachable ' +
  'port-unreachable fragmentation-needed source-route-failed network-unknown host-unknown network-prohibited ' +
  'host-prohibited TOS-network-unreachable TOS-host-unreachable communication-prohibited ' +
  'host-precedence-violation precedence-cutoff source-quench redirect network-redirect host-redirect ' +
  'TOS-network-redirect TOS-host-redirect echo-request ping router-advertisement router-solicitation ' +
  'time-exceeded ttl-exceeded ttl-zero-during-transit ttl-zero-during-reassembly parameter-problem ip-header-bad ' +
  'required-option-missing timestamp-request timestamp-reply address-mask-request address-mask-reply ' +
  '8 8/0 3/1 255 255/255 0x8 08 3/0x1 Echo-Request echo-req host-p 40'
).split(' ');
const ICMP6 = (
  'destination-unreachable no-route communication-prohibited beyond-scope address-unreachable port-unreachable ' +
  'failed-policy reject-route packet-too-big time-exceeded ttl-exceeded ttl-zero-during-transit ' +
  'ttl-zero-during-reassembly parameter-problem bad-header unknown-header-type unknown-option echo-request ping ' +
  'echo-reply pong router-solicitation router-advertisement neighbour-solicitation neighbor-solicitation ' +
  'neighbour-advertisement neighbor-advertisement redirect 128 128/0 1/3 255 255/255 0x80 1/0x3 Echo-Request mld'
).split(' ');
const DSCP = ['0', '0x2e', '46', '056', '63'];
const DSCP_CLASSES = ['EF', 'ef', 'CS0', 'cs1', 'AF11', 'af43', 'BE'];
const TOS = ['0x10', '16', 'Minimize-Delay', 'minimize-cost', 'Normal-Service', '0x10/0x3f', '4/0xff'];
const TEXT = ['x', 'a b', 'a:b', `it's`, '"q"', '\\', '--x', '!', 'ä'];

const match = (
  name: string,
  options: ExtensionCase['options'],
  more: Omit<Partial<ExtensionCase>, 'name' | 'kind' | 'options'> = {},
): ExtensionCase => ({ kind: 'match', name, options, ...more });
const target = (
  name: string,
  options: ExtensionCase['options'],
  more: Omit<Partial<ExtensionCase>, 'name' | 'kind' | 'options'> = {},
): ExtensionCase => ({ kind: 'target', name, options, ...more });

const addresses = (family: Family) => (family === 'ipv4' ? V4 : V6);
const ranges = (family: Family) =>
  family === 'ipv4'
    ? ['10.0.0.1-10.0.0.9', '10.0.0.1', '10.0.0.1-10.0.0.1']
    : ['fd00::1-fd00::9', 'FD00::A-FD00::F', 'fd00:0:0::1-fd00::9', 'fd00::1'];
const destinations = (family: Family) =>
  family === 'ipv4'
    ? [
        '10.0.0.2',
        '10.0.0.2:80',
        '10.0.0.2-10.0.0.9:80-90',
        ':80',
        '10.0.0.2:80-80',
        '10.0.0.2-10.0.0.2',
        '10.0.0.2:http',
      ]
    : [
        'fd00::2',
        'FD00::2',
        'fd00:0:0::2',
        '[fd00::2]:80',
        '[FD00::2]:80-90',
        '[fd00:0::2-fd00::9]:80',
        'fd00::2-fd00::2',
      ];

function both(make: (family: Family) => readonly ExtensionCase[]): ExtensionCase[] {
  return (['ipv4', 'ipv6'] as const).flatMap((family) => make(family).map((one) => ({ ...one, family })));
}

/** Every extension of iptables 1.8.9. */
export const EXTENSIONS: readonly ExtensionCase[] = [
  match('addrtype', {
    '!--src-type': ['LOCAL', 'local', 'UNICAST,LOCAL', 'local,unicast', 'MULTICAST'],
    '!--dst-type': ['LOCAL', 'Local', 'MULTICAST,LOCAL'],
    '--limit-iface-in': FLAG,
    '--limit-iface-out': FLAG,
  }),
  match('ah', { '!--ahspi': RANGES }, { family: 'ipv4', before: '-p ah' }),
  match(
    'ah',
    { '!--ahspi': RANGES, '!--ahlen': NUMBERS, '--ahres': FLAG },
    { family: 'ipv6', before: '-p ah' },
  ),
  match('bpf', { '--bytecode': ['4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0', '1,6 0 0 1'] }),
  match('cgroup', { '!--path': ['x', 'a/b', '/x'], '!--cgroup': ['1', '0x10', '010'] }),
  match(
    'cluster',
    {
      '!--cluster-local-node': ['1', '0x2'],
      '!--cluster-local-nodemask': ['1', '0x3', '3'],
      '--cluster-hash-seed': ['0xdeadbeef', '5'],
    },
    { always: '--cluster-total-nodes 4' },
  ),
  match('comment', {
    '--comment': [...TEXT, 'x'.repeat(255), 'x'.repeat(256), 'ä'.repeat(150), 'a=b', 'a,b', 'a/b'],
  }),
  match(
    'connbytes',
    { '!--connbytes': ['10', '10:', ':20', '10:20', '0x10:0x20', '10:10', '0:20'] },
    { always: '--connbytes-dir both --connbytes-mode packets' },
  ),
  match(
    'connbytes',
    { '--connbytes-dir': ['original', 'reply', 'both'] },
    { always: '--connbytes 5:9 --connbytes-mode avgpkt' },
  ),
  match(
    'connbytes',
    { '--connbytes-mode': ['packets', 'bytes', 'avgpkt'] },
    { always: '--connbytes 5:9 --connbytes-dir reply' },
  ),
  match('connlabel', { '!--label': ['5', '0x5', '40', 'x'], '--set': FLAG }),
  match('connlimit', {
    '!--connlimit-upto': ['3', '0x3'],
    '!--connlimit-above': ['3', '0', '0x10'],
    '--connlimit-mask': ['24', '8', '0', '32'],
    '--connlimit-saddr': FLAG,
    '--connlimit-daddr': FLAG,
  }),
  match('connmark', { '!--mark': MARKS }),
  ...both((family) => [
    match('conntrack', {
      '!--ctstate': [
        'NEW',
        'new',
        'ESTABLISHED,RELATED',
        'RELATED,ESTABLISHED',
        'INVALID,DNAT',
        'snat',
        'UNTRACKED,NEW',
      ],
      '!--ctproto': ['tcp', 'TCP', '6', '17', '0x11', 'icmp', '132', '200', 'all', 'ospf'],
      '!--ctorigsrc': addresses(family),
      '!--ctorigdst': addresses(family),
      '!--ctreplsrc': addresses(family),
      '!--ctrepldst': addresses(family),
      '!--ctorigsrcport': ['80', '80:90', '80:80', '0x50', 'http', '80:'],
      '!--ctorigdstport': ['80', '80:90', '80:80', '0x50'],
      '!--ctreplsrcport': ['80', '80:90', ':90'],
      '!--ctrepldstport': ['80', '80:90'],
      '!--ctstatus': ['NONE', 'ASSURED', 'assured', 'EXPECTED,CONFIRMED', 'CONFIRMED,EXPECTED', 'SEEN_REPLY'],
      '!--ctexpire': ['5', '5:9', '5:5', '0x10', ':9', '9:'],
      '--ctdir': ['ORIGINAL', 'REPLY', 'reply'],
    }),
    match('iprange', { '!--src-range': ranges(family), '!--dst-range': ranges(family) }),
    match(
      'policy',
      {
        '--dir': ['in', 'out', 'IN'],
        '--pol': ['ipsec', 'none'],
        '--strict': FLAG,
        '!--reqid': ['5', '0x5'],
        '!--spi': ['5', '0x10', '0XAB'],
        '!--proto': ['esp', 'ah', '50', 'ESP'],
        '!--mode': ['tunnel', 'transport'],
        '!--tunnel-src': addresses(family),
        '!--tunnel-dst': addresses(family),
      },
      { always: '--dir in --pol ipsec' },
    ),
    match('policy', { '--dir': ['in', 'out'] }, { always: '--pol ipsec' }),
    match('policy', { '--strict': FLAG }, { always: '--dir in --pol ipsec --reqid 5 --next --reqid 6' }),
    match('policy', { '--dir': ['in', 'out'] }, { always: '--pol none' }),
    match('ipvs', {
      '!--ipvs': FLAG,
      '!--vproto': ['tcp', '6', 'UDP'],
      '!--vaddr': addresses(family),
      '!--vport': ['80', 'http', '0x50'],
      '--vdir': ['ORIGINAL', 'REPLY', 'reply'],
      '!--vmethod': ['GATE', 'ipip', 'MASQ'],
      '!--vportctl': ['21', 'ftp'],
    }),
    match(
      'recent',
      {
        '--seconds': ['60', '0x10'],
        '--hitcount': ['4', '0x4'],
        '--rttl': FLAG,
        '--reap': FLAG,
        '--name': ['x', 'SSH', 'DEFAULT'],
        '--rsource': FLAG,
        '--rdest': FLAG,
        '--mask': family === 'ipv4' ? ['255.255.255.0', '255.255.255.255'] : ['ffff::', 'FFFF:0::'],
      },
      { always: '--update' },
    ),
    match('recent', { '--name': ['x', 'y'], '--rsource': FLAG }, { always: '! --rcheck' }),
    match('recent', { '--name': ['x', 'y'], '--rdest': FLAG }, { always: '--set' }),
    match('recent', { '--rsource': FLAG, '--rdest': FLAG }, { always: '--remove' }),
    target(
      'DNAT',
      { '--random': FLAG, '--persistent': FLAG },
      { table: 'nat', before: '-p tcp', always: family === 'ipv4' ? '--to 10.0.0.2:80' : '--to FD00::2' },
    ),
    target('DNAT', { '--to-destination': destinations(family) }, { table: 'nat', before: '-p tcp' }),
    target(
      'SNAT',
      { '--random': FLAG, '--random-fully': FLAG, '--persistent': FLAG },
      { table: 'nat', before: '-p udp', always: family === 'ipv4' ? '--to 10.0.0.2' : '--to FD00::2' },
    ),
    target('SNAT', { '--to-source': destinations(family) }, { table: 'nat', before: '-p tcp' }),
    target(
      'NETMAP',
      {
        '--to':
          family === 'ipv4'
            ? ['10.0.0.0/8', '10.1.0.0/255.255.0.0', '10.0.0.1']
            : ['fd00::/64', 'FD00::/64', 'fd00::1'],
      },
      { table: 'nat' },
    ),
    target(
      'TEE',
      { '--gateway': family === 'ipv4' ? ['10.0.0.1'] : ['fd00::1', 'FD00:0::1'], '--oif': ['lo', 'eth0'] },
      { table: 'mangle' },
    ),
    target(
      'TPROXY',
      {
        '--on-ip': family === 'ipv4' ? ['10.0.0.1', '0.0.0.0'] : ['fd00::1', 'FD00::1'],
        '--tproxy-mark': MARKS,
      },
      { table: 'mangle', before: '-p tcp', always: '--on-port 80' },
    ),
    target('TPROXY', { '--on-port': ['80', '0x50', '080', 'http'] }, { table: 'mangle', before: '-p tcp' }),
    target(
      'HMARK',
      {
        '--hmark-src-prefix': family === 'ipv4' ? ['24', '255.255.0.0'] : ['64', 'ffff::'],
        '--hmark-dst-prefix': ['8'],
        '--hmark-sport-mask': ['0xffff', '0x0f0f'],
        '--hmark-offset': ['10', '0x10'],
        '--hmark-rnd': ['0xfeed', '5'],
        '--hmark-proto-mask': ['0xff', '255'],
      },
      { table: 'mangle', always: '--hmark-tuple src,dst,sport --hmark-mod 10' },
    ),
  ]),
  match('cpu', { '!--cpu': ['0', '3', '0x1'] }),
  match(
    'dccp',
    {
      '!--sport': PORTS,
      '!--dport': PORTS,
      '!--dccp-types': ['REQUEST', 'REQUEST,RESPONSE', 'response,REQUEST', 'INVALID'],
      '!--dccp-option': ['5'],
    },
    { before: '-p dccp' },
  ),
  match('devgroup', {
    '!--src-group': ['1', '0x1', '1/3', '0x1/0xff', 'default'],
    '!--dst-group': ['5', '5/7', 'default'],
  }),
  match('dscp', { '!--dscp': DSCP }),
  match('dscp', { '!--dscp-class': DSCP_CLASSES }),
  match('dst', { '!--dst-len': NUMBERS, '--dst-opts': ['1', '1:2', '1:2,3', '0x1'] }, { family: 'ipv6' }),
  match('hbh', { '!--hbh-len': NUMBERS, '--hbh-opts': ['1', '1:2', '1:2,3', '0x1'] }, { family: 'ipv6' }),
  match(
    'ecn',
    { '!--ecn-tcp-ece': FLAG, '!--ecn-tcp-cwr': FLAG, '!--ecn-ip-ect': ['0', '2', '0x1'] },
    { before: '-p tcp' },
  ),
  match('esp', { '!--espspi': RANGES }, { before: '-p esp' }),
  match('eui64', {}, { family: 'ipv6' }),
  match(
    'frag',
    {
      '!--fragid': RANGES,
      '!--fraglen': NUMBERS,
      '--fragres': FLAG,
      '--fragfirst': FLAG,
      '--fragmore': FLAG,
      '--fraglast': FLAG,
    },
    { family: 'ipv6' },
  ),
  match(
    'hashlimit',
    {
      '--hashlimit-mode': ['srcip', 'dstip,srcip', 'srcport,dstport', 'srcip,dstip,srcport,dstport'],
      '--hashlimit-burst': ['5', '10', '0x10'],
      '--hashlimit-htable-size': ['100', '0x40'],
      '--hashlimit-htable-max': ['500'],
      '--hashlimit-htable-gcinterval': ['1000', '500'],
      '--hashlimit-htable-expire': ['10000', '20000', '0x4000'],
    },
    { always: '--hashlimit-name x --hashlimit-upto 10/s' },
  ),
  match(
    'hashlimit',
    { '--hashlimit-srcmask': ['24', '8', '0'], '--hashlimit-dstmask': ['16'] },
    { always: '--hashlimit-name x --hashlimit-above 7/min --hashlimit-mode srcip,dstip' },
  ),
  match(
    'hashlimit',
    { '--hashlimit-upto': [...RATES, '512kb/s', '1mb/s', '100b/s'] },
    { always: '--hashlimit-name y' },
  ),
  match(
    'hashlimit',
    { '--hashlimit-above': [...RATES, '1kb/s'] },
    { always: '--hashlimit-name y --hashlimit-mode srcip' },
  ),
  match(
    'hashlimit',
    { '--hashlimit-rate-interval': ['10', '0x10'] },
    { always: '--hashlimit-name z --hashlimit-above 10/s --hashlimit-rate-match' },
  ),
  match('helper', { '!--helper': ['ftp', 'irc', 'x y'] }),
  match('hl', { '!--hl-eq': NUMBERS }, { family: 'ipv6' }),
  match('hl', { '--hl-lt': NUMBERS }, { family: 'ipv6' }),
  match('hl', { '--hl-gt': NUMBERS }, { family: 'ipv6' }),
  match('icmp', { '!--icmp-type': ICMP4 }, { family: 'ipv4', before: '-p icmp' }),
  match('icmp6', { '!--icmpv6-type': ICMP6 }, { family: 'ipv6', before: '-p icmpv6' }),
  match('ipcomp', { '!--ipcompspi': RANGES, '--compres': FLAG }, { before: '-p 108' }),
  match(
    'ipv6header',
    {
      '!--header': ['hop', 'dst,route', 'route,dst', 'ipv6-frag', 'hop-by-hop', '44', 'prot', 'esp,ah,none'],
      '--soft': FLAG,
    },
    { family: 'ipv6' },
  ),
  match('l2tp', {}, { before: '-p udp' }),
  match('length', { '!--length': ['64', '0x40', '64:128', '64:64', ':100', '100:', '0:65535'] }),
  match('limit', { '--limit': RATES, '--limit-burst': ['5', '10', '0x10', '1'] }),
  match('mac', {
    '!--mac-source': ['00:11:22:33:44:55', 'AA:BB:CC:DD:EE:FF', 'aa:bb:cc:dd:ee:ff', '0:1:2:3:4:5'],
  }),
  match('mark', { '!--mark': MARKS }),
  match(
    'mh',
    {
      '!--mh-type': [
        'brr',
        'binding-update',
        'bu',
        '5',
        '0x5',
        '1:3',
        'hoti:coti',
        '5:5',
        'Binding-Error',
        ':3',
        '3:',
      ],
    },
    { family: 'ipv6', before: '-p mh' },
  ),
  match('multiport', { '!--sports': PORT_LISTS }, { before: '-p tcp' }),
  match('multiport', { '!--source-ports': PORT_LISTS }, { before: '-p udp' }),
  match('multiport', { '!--dports': PORT_LISTS }, { before: '-p sctp' }),
  match('multiport', { '!--destination-ports': PORT_LISTS }, { before: '-p 6' }),
  match('multiport', { '!--ports': PORT_LISTS, '!--port': PORT_LISTS }, { before: '-p tcp' }),
  match('nfacct', { '--nfacct-name': ['x'] }),
  match(
    'osf',
    { '!--genre': ['Linux'], '--ttl': ['0', '1', '2'], '--log': ['0', '1', '2'] },
    { before: '-p tcp' },
  ),
  match('owner', {
    '!--uid-owner': ['0', 'root', '0x10', '5-9', '5-5', 'nobody', '010'],
    '!--gid-owner': ['0', 'root', '0x10', '5-9', 'daemon'],
    '!--socket-exists': FLAG,
    '--suppl-groups': FLAG,
  }),
  match('physdev', {
    '!--physdev-in': ['eth0', 'eth+'],
    '!--physdev-out': ['eth0', 'eth+'],
    '!--physdev-is-in': FLAG,
    '!--physdev-is-out': FLAG,
    '!--physdev-is-bridged': FLAG,
  }),
  match('pkttype', {
    '!--pkt-type': [
      'unicast',
      'BROADCAST',
      'Multicast',
      'otherhost',
      'host',
      'bcast',
      'mcast',
      'to-us',
      'loopback',
    ],
  }),
  match('quota', { '!--quota': ['1000', '0x10', '0'] }),
  match('rateest', { '!--rateest-lt': FLAG }, { always: '--rateest1 x --rateest-bps1 1mbit' }),
  match(
    'rateest',
    { '!--rateest-gt': FLAG, '--rateest-delta': FLAG },
    { always: '--rateest1 x --rateest-pps1 5' },
  ),
  match('realm', { '!--realm': ['1', '0x1', '1/3', 'cosmos', '255', '010'] }, { family: 'ipv4' }),
  match(
    'rpfilter',
    { '--loose': FLAG, '--validmark': FLAG, '--accept-local': FLAG, '--invert': FLAG },
    { table: 'raw' },
  ),
  match('rt', { '!--rt-type': NUMBERS, '!--rt-segsleft': RANGES, '!--rt-len': NUMBERS }, { family: 'ipv6' }),
  match(
    'rt',
    { '--rt-0-res': FLAG, '--rt-0-addrs': ['fd00::1', 'FD00::1,fd00:0::2'], '--rt-0-not-strict': FLAG },
    { family: 'ipv6', always: '--rt-type 0' },
  ),
  match(
    'sctp',
    {
      '!--sport': PORTS,
      '!--dport': PORTS,
      '!--chunk-types': [
        'any INIT',
        'all DATA,INIT',
        'only INIT,DATA',
        'any data:Be',
        'all DATA:BE,INIT',
        'any init,init_ack',
      ],
    },
    { before: '-p sctp' },
  ),
  match('set', { '!--match-set': ['libs src', 'libs dst', 'libs SRC'] }),
  match(
    'set',
    {
      '--return-nomatch': FLAG,
      '!--update-counters': FLAG,
      '!--update-subcounters': FLAG,
      '!--packets-eq': ['5', '0x5'],
      '--bytes-lt': ['5'],
      '--bytes-gt': ['7'],
    },
    { always: '--match-set libs src' },
  ),
  match(
    'socket',
    { '--nowildcard': FLAG, '--transparent': FLAG, '--restore-skmark': FLAG },
    { table: 'mangle' },
  ),
  match(
    'srh',
    {
      '!--srh-next-hdr': NUMBERS,
      '!--srh-hdr-len-eq': NUMBERS,
      '!--srh-hdr-len-gt': NUMBERS,
      '!--srh-segs-left-eq': NUMBERS,
      '!--srh-last-entry-lt': NUMBERS,
      '!--srh-tag': NUMBERS,
      '!--srh-psid': ['fd00::/64', 'FD00::1/128'],
      '!--srh-nsid': ['fd00::1'],
      '!--srh-lsid': ['fd00:0::/32'],
    },
    { family: 'ipv6' },
  ),
  match('state', {
    '!--state': ['NEW', 'new', 'ESTABLISHED,RELATED', 'RELATED,ESTABLISHED', 'INVALID', 'UNTRACKED,NEW'],
  }),
  match(
    'statistic',
    { '!--probability': ['0.5', '.5', '1', '0', '0.333333333333', '1e-3', '0x1p-1'] },
    { always: '--mode random' },
  ),
  match(
    'statistic',
    { '!--every': ['3', '0x3', '1'], '--packet': ['0', '1', '0x0'] },
    { always: '--mode nth --every 5' },
  ),
  match('statistic', { '!--every': ['3', '0x3', '1'] }, { always: '--mode nth' }),
  match(
    'string',
    {
      '--from': ['5', '0x5', '0'],
      '--to': ['50', '0x50', '65535'],
      '--icase': FLAG,
      '!--string': TEXT,
    },
    { always: '--algo bm' },
  ),
  match(
    'string',
    { '!--hex-string': ['|0d0a|', 'GET |20|x', '|0D 0A|', 'plain', '|61|'] },
    { always: '--algo kmp' },
  ),
  match(
    'tcp',
    {
      ...PORT_OPTIONS,
      '!--tcp-flags': [
        'SYN,ACK SYN',
        'ALL NONE',
        'ALL FIN,SYN',
        'syn,rst SYN',
        'SYN NONE',
        'NONE NONE',
        'ALL ALL',
      ],
      '!--syn': FLAG,
      '!--tcp-option': ['7', '0x7', '07'],
    },
    { before: '-p tcp' },
  ),
  match('tcpmss', { '!--mss': ['500', '0x100', '500:1500', '500:500', '500:'] }, { before: '-p tcp' }),
  match('time', {
    '--datestart': ['2026-01-01', '2026-01-01T10:00', '2026', '2026-1-1', '1970-01-01'],
    '--datestop': ['2027-01-01T10:00:05', '2030'],
    '--timestart': ['10:00', '10:00:05', '0:0', '00:00'],
    '--timestop': ['12:00', '23:59:59', '9:5'],
    '!--monthdays': ['1', '1,15', '15,1', '01', '31'],
    '!--weekdays': ['Mon', 'mon', 'Sat,Sun', '6,7', 'Su,Mo', 'Monday'],
    '--kerneltz': FLAG,
    '--contiguous': FLAG,
    '--utc': FLAG,
  }),
  match('tos', { '!--tos': TOS }),
  match('ttl', { '!--ttl-eq': NUMBERS, '!--ttl': NUMBERS }, { family: 'ipv4' }),
  match('ttl', { '--ttl-lt': NUMBERS }, { family: 'ipv4' }),
  match('ttl', { '--ttl-gt': NUMBERS }, { family: 'ipv4' }),
  match('u32', {
    '!--u32': ['0>>22&0x3C@12>>26=0x1', '6 & 0xFF = 1', '6&0xFF=1:2,4', '4&0x3fff=0 && 6=5', '0=0x10:0x20'],
  }),
  match('udp', PORT_OPTIONS, { before: '-p udp' }),
  match('udplite', PORT_OPTIONS, { before: '-p udplite' }),
  // Targets
  target('ACCEPT', {}),
  target('DROP', {}),
  target('RETURN', {}),
  target('QUEUE', {}),
  target('AUDIT', { '--type': ['accept', 'drop', 'reject', 'ACCEPT'] }),
  target('CHECKSUM', { '--checksum-fill': FLAG }, { table: 'mangle', before: '-p udp' }),
  target('CLASSIFY', { '--set-class': ['1:2', '0001:0002', 'a:B', '0:0'] }, { table: 'mangle' }),
  target(
    'CLUSTERIP',
    { '--hashmode': ['sourceip'] },
    {
      family: 'ipv4',
      before: '-d 10.0.0.1 -i lo',
      always: '--new --clustermac 01:00:5e:00:00:20 --total-nodes 2 --local-node 1',
    },
  ),
  target('CONNMARK', MARK_OPTIONS, { table: 'mangle' }),
  target(
    'CONNMARK',
    { '--save-mark': FLAG, '--nfmask': MASKS, '--ctmask': MASKS, '--mask': MASKS },
    { table: 'mangle' },
  ),
  target(
    'CONNMARK',
    { '--restore-mark': FLAG, '--nfmask': MASKS, '--ctmask': MASKS, '--mask': MASKS },
    { table: 'mangle' },
  ),
  target('CONNSECMARK', { '--save': FLAG, '--restore': FLAG }, { table: 'mangle' }),
  target(
    'CT',
    {
      '--notrack': FLAG,
      '--helper': ['ftp'],
      '--ctevents': ['new', 'new,destroy', 'destroy,new', 'related,mark'],
      '--expevents': ['new'],
      '--zone': ['5', '0x5', 'mark'],
      '--zone-orig': ['5', '0x10', 'mark'],
      '--zone-reply': ['7'],
      '--timeout': ['x'],
    },
    { table: 'raw', before: '-p tcp' },
  ),
  target('DSCP', { '--set-dscp': DSCP }, { table: 'mangle' }),
  target('DSCP', { '--set-dscp-class': DSCP_CLASSES }, { table: 'mangle' }),
  target(
    'ECN',
    {
      '--ecn-tcp-remove': FLAG,
      '--ecn-tcp-cwr': ['0', '1'],
      '--ecn-tcp-ece': ['1'],
      '--ecn-ip-ect': ['0', '2', '0x1'],
    },
    { table: 'mangle', family: 'ipv4', before: '-p tcp' },
  ),
  target(
    'HL',
    { '--hl-set': NUMBERS, '--hl-dec': NUMBERS, '--hl-inc': NUMBERS },
    { table: 'mangle', family: 'ipv6' },
  ),
  target('IDLETIMER', {}, { always: '--timeout 30 --label x --alarm' }),
  target('IDLETIMER', { '--timeout': ['30', '0x10'] }, { always: '--label y' }),
  target(
    'LED',
    { '--led-delay': ['500', 'inf'], '--led-always-blink': FLAG },
    { always: '--led-trigger-id x' },
  ),
  target('LOG', {
    '--log-prefix': [...TEXT, 'x'.repeat(29)],
    '--log-level': ['0', '4', 'info', 'WARNING', 'warning', 'debug', '7', '0x3', 'warn', 'err'],
    '--log-tcp-sequence': FLAG,
    '--log-tcp-options': FLAG,
    '--log-ip-options': FLAG,
    '--log-uid': FLAG,
    '--log-macdecode': FLAG,
  }),
  target('MARK', MARK_OPTIONS, { table: 'mangle' }),
  target(
    'MASQUERADE',
    {
      '--to-ports': ['80', '80-90', '80-80', '080', 'http', '0x50'],
      '--random': FLAG,
      '--random-fully': FLAG,
    },
    { table: 'nat', before: '-p tcp' },
  ),
  target('NFLOG', {
    '--nflog-prefix': TEXT,
    '--nflog-group': ['0', '1', '0x10'],
    '--nflog-threshold': ['1', '5', '0x5'],
    '--nflog-range': ['64', '0x40'],
    '--nflog-size': ['64', '0x40', '0'],
  }),
  target('NFQUEUE', {
    '--queue-num': ['0', '5', '0x10'],
    '--queue-balance': ['0:3', '1:1', '0x1:0x5'],
    '--queue-bypass': FLAG,
    '--queue-cpu-fanout': FLAG,
  }),
  target('NOTRACK', {}, { table: 'raw' }),
  target(
    'RATEEST',
    {},
    { table: 'mangle', always: '--rateest-name x --rateest-interval 250ms --rateest-ewmalog 500ms' },
  ),
  target(
    'REDIRECT',
    {
      '--to-ports': ['80', '80-90', '80-80', 'http', '080', '0x50', '80-http'],
      '--to-port': ['80'],
      '--random': FLAG,
    },
    { table: 'nat', before: '-p tcp' },
  ),
  target(
    'REJECT',
    {
      '--reject-with': (
        'icmp-net-unreachable net-unreach icmp-host-unreachable host-unreach icmp-proto-unreachable proto-unreach ' +
        'icmp-port-unreachable port-unreach icmp-net-prohibited net-prohib icmp-host-prohibited host-prohib tcp-reset tcp-rst ' +
        'icmp-admin-prohibited admin-prohib Host-Unreach icmp-host-unr'
      ).split(' '),
    },
    { family: 'ipv4', before: '-p tcp' },
  ),
  target(
    'REJECT',
    {
      '--reject-with': (
        'icmp6-no-route no-route icmp6-adm-prohibited adm-prohibited icmp6-addr-unreachable addr-unreach ' +
        'icmp6-port-unreachable port-unreach tcp-reset icmp6-policy-fail policy-fail icmp6-reject-route reject-route No-Route'
      ).split(' '),
    },
    { family: 'ipv6', before: '-p tcp' },
  ),
  target('SECMARK', { '--selctx': ['system_u:object_r:x:s0'] }, { table: 'security' }),
  target('SET', { '--add-set': ['libs src', 'libs dst'], '--exist': FLAG, '--timeout': ['5', '0x5'] }),
  target('SET', { '--del-set': ['libs src', 'libs SRC'] }),
  target('SET', { '--map-set': ['libs src'], '--map-mark': FLAG }, { table: 'mangle' }),
  target(
    'SYNPROXY',
    {
      '--mss': ['1460', '0x100'],
      '--wscale': ['7', '0x7'],
      '--sack-perm': FLAG,
      '--timestamp': FLAG,
      '--ecn': FLAG,
    },
    { before: '-p tcp' },
  ),
  target(
    'TCPMSS',
    { '--set-mss': ['1400', '0x100', '0500'], '--clamp-mss-to-pmtu': FLAG },
    { table: 'mangle', before: '-p tcp --syn' },
  ),
  target(
    'TCPOPTSTRIP',
    {
      '--strip-options': [
        '5',
        'mss',
        'wscale,mss',
        'mss,wscale',
        'sack-permitted',
        'timestamp',
        '2,3',
        '0x5',
      ],
    },
    { table: 'mangle', before: '-p tcp' },
  ),
  target(
    'TOS',
    { '--set-tos': TOS, '--and-tos': NUMBERS, '--or-tos': NUMBERS, '--xor-tos': NUMBERS },
    { table: 'mangle' },
  ),
  target('TRACE', {}, { table: 'raw' }),
  target(
    'TTL',
    { '--ttl-set': NUMBERS, '--ttl-dec': NUMBERS, '--ttl-inc': NUMBERS },
    { table: 'mangle', family: 'ipv4' },
  ),
  target('ULOG', { '--ulog-nlgroup': ['1'] }, { family: 'ipv4' }),
  target(
    'DNPT',
    { '--src-pfx': ['fd00::/64', 'FD00::/64'] },
    { table: 'mangle', family: 'ipv6', always: '--dst-pfx fd01::/64' },
  ),
  target(
    'SNPT',
    { '--dst-pfx': ['fd00::/64', 'fd00:0::/64'] },
    { table: 'mangle', family: 'ipv6', always: '--src-pfx fd01::/64' },
  ),
];

/** Options whose value may contain spaces. */
const ONE_VALUE = new Set(
  '--comment --log-prefix --nflog-prefix --string --hex-string --u32 --bytecode --helper'.split(' '),
);

function optionArgv(name: string, value: string, not: boolean): string[] {
  const values = ONE_VALUE.has(name) ? [value] : value.split(' ').filter((word) => word !== '');
  return [...(not ? ['!'] : []), name, ...values];
}

/** Returns the argv of a rule with the options that `choose` picks: each with a value and its negation. */
function ruleOf(one: ExtensionCase, options: readonly (readonly string[])[]): string[] {
  const words = (text = '') => text.split(' ').filter((word) => word !== '');
  const head = words(one.before);
  const flag = one.kind === 'match' ? '-m' : '-j';
  return [...head, flag, one.name, ...words(one.always), ...options.flat()];
}

/** Returns a rule for every value of every option of an extension, plain and negated. */
export function everyValue(one: ExtensionCase): string[][] {
  const rules = [ruleOf(one, [])];
  for (const [key, values] of Object.entries(one.options)) {
    const name = key.replace('!', '');
    for (const value of values) {
      rules.push(ruleOf(one, [optionArgv(name, value, false)]));
      if (key.startsWith('!')) {
        rules.push(ruleOf(one, [optionArgv(name, value, true)]));
      }
    }
  }
  return rules;
}

/** Generates a rule with some options of an extension, in any order. */
export function someOptions(one: ExtensionCase): fc.Arbitrary<string[]> {
  const options = Object.entries(one.options).map(([key, values]) =>
    fc
      .record({
        value: fc.constantFrom(...values),
        not: key.startsWith('!') ? fc.boolean() : fc.constant(false),
      })
      .map(({ value, not }) => optionArgv(key.replace('!', ''), value, not)),
  );
  return fc
    .shuffledSubarray(options, { minLength: Math.min(2, options.length) })
    .chain((chosen) => fc.tuple(...chosen))
    .map((chosen) => ruleOf(one, chosen));
}
