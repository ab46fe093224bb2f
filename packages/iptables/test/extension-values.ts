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

export const FLAG = [''];
export const PORTS = [
  '80',
  '080',
  '80:90',
  '80:80',
  ':53',
  '53:',
  '0:65535',
  '0',
  'http',
  'http:https',
  'HTTP',
];
export const PORT_LISTS = ['80', '80,443', '443,80', '80:90,http', 'domain,ssh', '80:80'];
export const NUMBERS = ['0', '5', '0x10', '010', '255'];
export const RANGES = ['5', '0x10', '1:5', '5:5', ':9', '9:'];
export const MARKS = ['0', '5', '0x10', '010', '0XAB', '1/3', '7/0xff', '0xff/0x0f', '5/0xffffffff', '0/0'];
export const MARK_OPTIONS = {
  '--set-mark': MARKS,
  '--set-xmark': MARKS,
  '--and-mark': MARKS,
  '--or-mark': MARKS,
  '--xor-mark': MARKS,
};
export const MASKS = ['3', '0x10', '0xffffffff', '010'];
export const PORT_OPTIONS = {
  '!--sport': PORTS,
  '!--dport': PORTS,
  '!--source-port': PORTS,
  '!--destination-port': PORTS,
};
const V4 = ['10.0.0.1', '10.0.0.0/8', '10.1.2.3/16', '10.0.0.0/255.0.0.0'];
const V6 = ['fd00::1', 'FD00::1', 'fd00:0::1', 'fd00::/64', 'fd00::1/64', '::ffff:10.0.0.1'];
export const RATES = ['1', '10/s', '3/min', '7/hour', '2/day', '60/m', '100/second', '1/Minute', '90/hours'];
export const ICMP4 = (
  'any echo-reply pong destination-unreachable network-unreachable host-unreachable protocol-unreachable ' +
  'port-unreachable fragmentation-needed source-route-failed network-unknown host-unknown network-prohibited ' +
  'host-prohibited TOS-network-unreachable TOS-host-unreachable communication-prohibited ' +
  'host-precedence-violation precedence-cutoff source-quench redirect network-redirect host-redirect ' +
  'TOS-network-redirect TOS-host-redirect echo-request ping router-advertisement router-solicitation ' +
  'time-exceeded ttl-exceeded ttl-zero-during-transit ttl-zero-during-reassembly parameter-problem ip-header-bad ' +
  'required-option-missing timestamp-request timestamp-reply address-mask-request address-mask-reply ' +
  '8 8/0 3/1 255 255/255 0x8 08 3/0x1 Echo-Request echo-req host-p 40'
).split(' ');
export const ICMP6 = (
  'destination-unreachable no-route communication-prohibited beyond-scope address-unreachable port-unreachable ' +
  'failed-policy reject-route packet-too-big time-exceeded ttl-exceeded ttl-zero-during-transit ' +
  'ttl-zero-during-reassembly parameter-problem bad-header unknown-header-type unknown-option echo-request ping ' +
  'echo-reply pong router-solicitation router-advertisement neighbour-solicitation neighbor-solicitation ' +
  'neighbour-advertisement neighbor-advertisement redirect 128 128/0 1/3 255 255/255 0x80 1/0x3 Echo-Request mld'
).split(' ');
export const DSCP = ['0', '0x2e', '46', '056', '63'];
export const DSCP_CLASSES = ['EF', 'ef', 'CS0', 'cs1', 'AF11', 'af43', 'BE'];
export const TOS = ['0x10', '16', 'Minimize-Delay', 'minimize-cost', 'Normal-Service', '0x10/0x3f', '4/0xff'];
export const TEXT = ['x', 'a b', 'a:b', `it's`, '"q"', '\\', '--x', '!', 'ä'];

export const match = (
  name: string,
  options: ExtensionCase['options'],
  more: Omit<Partial<ExtensionCase>, 'name' | 'kind' | 'options'> = {},
): ExtensionCase => ({ kind: 'match', name, options, ...more });
export const target = (
  name: string,
  options: ExtensionCase['options'],
  more: Omit<Partial<ExtensionCase>, 'name' | 'kind' | 'options'> = {},
): ExtensionCase => ({ kind: 'target', name, options, ...more });

export const addresses = (family: Family) => (family === 'ipv4' ? V4 : V6);
export const ranges = (family: Family) =>
  family === 'ipv4'
    ? ['10.0.0.1-10.0.0.9', '10.0.0.1', '10.0.0.1-10.0.0.1']
    : ['fd00::1-fd00::9', 'FD00::A-FD00::F', 'fd00:0:0::1-fd00::9', 'fd00::1'];
export const destinations = (family: Family) =>
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

export function both(make: (family: Family) => readonly ExtensionCase[]): ExtensionCase[] {
  return (['ipv4', 'ipv6'] as const).flatMap((family) => make(family).map((one) => ({ ...one, family })));
}
