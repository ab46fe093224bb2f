import type { Family } from '@cnikit/ip';
import type { Option } from '../argv.ts';
import { natAddresses, natPorts } from './addresses.ts';
import { hexadecimal, markAndMask, padded, rewriteMark } from './marks.ts';
import { address, asIs, type Context, decimal, type ExtensionSpec, flag, named, unless } from './values.ts';

const LOG_LEVELS = named({
  emerg: '0',
  panic: '0',
  alert: '1',
  crit: '2',
  err: '3',
  error: '3',
  warning: '4',
  warn: '4',
  notice: '5',
  info: '6',
  debug: '7',
});

const REJECT_WITH = {
  ipv4: named({
    'net-unreach': 'icmp-net-unreachable',
    'host-unreach': 'icmp-host-unreachable',
    'proto-unreach': 'icmp-proto-unreachable',
    'port-unreach': 'icmp-port-unreachable',
    'net-prohib': 'icmp-net-prohibited',
    'host-prohib': 'icmp-host-prohibited',
    'admin-prohib': 'icmp-admin-prohibited',
    'tcp-rst': 'tcp-reset',
  }),
  ipv6: named({
    'no-route': 'icmp6-no-route',
    'adm-prohibited': 'icmp6-adm-prohibited',
    'addr-unreach': 'icmp6-addr-unreachable',
    'port-unreach': 'icmp6-port-unreachable',
    'policy-fail': 'icmp6-policy-fail',
    'reject-route': 'icmp6-reject-route',
    'tcp-reset': 'tcp-reset',
  }),
};

const TUPLE: Readonly<Record<string, readonly [name: string, value: (family: Family) => string]>> = {
  src: ['--hmark-src-prefix', wholeAddress],
  dst: ['--hmark-dst-prefix', wholeAddress],
  sport: ['--hmark-sport-mask', () => '0xffff'],
  dport: ['--hmark-dport-mask', () => '0xffff'],
};

function wholeAddress(family: Family): string {
  return family === 'ipv4' ? '32' : '128';
}

/** Expands `--hmark-tuple src,dst` to the masks that iptables-save prints. */
function rewriteTuple(option: Option, { family }: Context): readonly Option[] | undefined {
  const parts = option.values.join(',').split(',');
  if (option.name !== '--hmark-tuple' || parts.some((part) => !Object.hasOwn(TUPLE, part))) {
    return undefined;
  }
  return parts.map((part) => {
    const [name, value] = TUPLE[part]!;
    return { ...option, name, values: [value(family)] };
  });
}

/** Targets with a known spelling in iptables-save, options in its order (iptables-extensions(8)). */
export const TARGETS: Readonly<Record<string, ExtensionSpec>> = {
  ACCEPT: { options: {} },
  CONNMARK: {
    options: {
      '--set-xmark': markAndMask,
      '--save-mark': flag,
      '--restore-mark': flag,
      '--nfmask': hexadecimal,
      '--ctmask': hexadecimal,
    },
    defaults: (_, has): Record<string, string[]> =>
      has('--save-mark') || has('--restore-mark')
        ? { '--nfmask': ['0xffffffff'], '--ctmask': ['0xffffffff'] }
        : {},
    rewrite: rewriteMark,
  },
  CT: {
    options: { '--notrack': flag, '--zone': decimal },
    alone: ['--zone', '--zone-orig', '--zone-reply'],
  },
  DNAT: {
    options: { '--to-destination': natAddresses, '--random': flag, '--persistent': flag },
    aliases: { '--to': '--to-destination' },
  },
  DROP: { options: {} },
  ECN: { options: {}, alone: ['--ecn-tcp-remove', '--ecn-ip-ect'] },
  HMARK: {
    options: {
      '--hmark-src-prefix': decimal,
      '--hmark-dst-prefix': decimal,
      '--hmark-sport-mask': padded(4),
      '--hmark-dport-mask': padded(4),
      '--hmark-rnd': padded(8),
      '--hmark-mod': decimal,
    },
    rewrite: rewriteTuple,
  },
  LOG: {
    options: {
      '--log-prefix': asIs,
      '--log-level': unless('4', LOG_LEVELS),
      '--log-tcp-sequence': flag,
      '--log-tcp-options': flag,
      '--log-ip-options': flag,
      '--log-uid': flag,
      '--log-macdecode': flag,
    },
  },
  MARK: { options: { '--set-xmark': markAndMask }, rewrite: rewriteMark },
  MASQUERADE: { options: { '--to-ports': natPorts, '--random': flag, '--random-fully': flag } },
  NFLOG: {
    options: { '--nflog-prefix': asIs, '--nflog-group': unless('0', decimal), '--nflog-threshold': decimal },
  },
  NFQUEUE: {
    options: { '--queue-num': decimal, '--queue-bypass': flag },
    defaults: (_, has): Record<string, string[]> => (has('--queue-balance') ? {} : { '--queue-num': ['0'] }),
  },
  NOTRACK: { options: {} },
  REDIRECT: {
    options: { '--to-ports': natPorts, '--random': flag },
    aliases: { '--to-port': '--to-ports' },
  },
  REJECT: {
    options: { '--reject-with': (values, context) => REJECT_WITH[context.family](values, context) },
    defaults: ({ family }) => ({
      '--reject-with': [family === 'ipv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'],
    }),
  },
  RETURN: { options: {} },
  SET: { options: { '--add-set': asIs, '--del-set': asIs, '--exist': flag } },
  SNAT: {
    options: { '--to-source': natAddresses, '--random': flag, '--random-fully': flag, '--persistent': flag },
    aliases: { '--to': '--to-source' },
  },
  TCPMSS: {
    options: { '--set-mss': decimal, '--clamp-mss-to-pmtu': flag },
    exclusive: ['--set-mss', '--clamp-mss-to-pmtu'],
  },
  TPROXY: {
    options: { '--on-port': decimal, '--on-ip': address, '--tproxy-mark': markAndMask },
    defaults: ({ family }) => ({
      '--on-ip': [family === 'ipv4' ? '0.0.0.0' : '::'],
      '--tproxy-mark': ['0x0/0x0'],
    }),
  },
};
