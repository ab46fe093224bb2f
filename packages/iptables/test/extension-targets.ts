import {
  DSCP,
  DSCP_CLASSES,
  type ExtensionCase,
  FLAG,
  MARK_OPTIONS,
  MASKS,
  NUMBERS,
  TEXT,
  TOS,
  target,
} from './extension-values.ts';

/** Every target of iptables 1.8.9. */
export const TARGETS: readonly ExtensionCase[] = [
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
