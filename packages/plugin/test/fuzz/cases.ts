/**
 * Invalid invocations: valid configurations with randomly changed values, keys, text and environment. Uses only the
 * language itself, so that it runs under Node and QuickJS.
 */
import type { Random } from '../random.ts';

export interface FuzzCase {
  /** The plugin's name. */
  plugin: string;
  env: Record<string, string>;
  stdin: string;
}

/** A real namespace, and a folder for state. */
export interface FuzzPlaces {
  netns: string;
  dataDir: string;
}

const VERBS = ['ADD', 'ADD', 'ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'];
const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0', '1.1.0', '1.1.0'];
const EVIL_TEXT = [
  '',
  ' ',
  '.',
  '..',
  '-',
  '../../x',
  'a/b',
  '/proc/self/fd/x',
  '/dev/null/x',
  'x\u0000y',
  'x\ny',
  '\ud800',
  '\ufffd',
  '\u{1f4a9}',
  'é'.repeat(8),
  '__proto__',
  'constructor',
  'toString',
  'true',
  '0',
  '-1',
  '1e999',
  '10.96.0.5',
  '10.96.0.0/24',
  '10.96.0.0/33',
  '10.96.0.5/-1',
  '::ffff:10.0.0.1',
  '::/0',
  'fd96::/127',
  'fe80::1%eth0',
  '255.255.255.255/32',
  '02:00:00:00:00:01',
  'zz:zz',
  '9.9.9',
  '1.1',
  'eth0',
  'net.core.somaxconn',
  'net/../kernel/hostname',
  'net.ipv4.conf.IFNAME.rp_filter',
  'abcdefghijklmnop',
];
const EVIL_KEYS = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '',
  'x\u0000',
  'NAME',
  'cniversion',
  'IPAM',
  'a.b',
];
/** As text, since JSON allows numbers that JavaScript cannot represent. */
const EVIL_NUMBERS = [
  '0',
  '-0',
  '-1',
  '1.5',
  '1e400',
  '-1e400',
  '9007199254740993',
  '18446744073709551616',
  '1e-400',
  '4294967296',
  '2147483648',
  '65536',
  `${'9'.repeat(400)}`,
];

type Json = null | boolean | string | number | Json[] | { [key: string]: Json } | Verbatim;

/** Text written without encoding. */
class Verbatim {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function fuzzCase(random: Random, places: FuzzPlaces): FuzzCase {
  const plugin = random.pick([
    'cnikit',
    'bridge',
    'ptp',
    'loopback',
    'host-local',
    'tuning',
    'bandwidth',
    'portmap',
    'x',
  ]);
  const conf = configurationOf(plugin, random, places);
  for (let changes = random.below(4); changes > 0; changes--) {
    changeSomewhere(conf, random);
  }
  let stdin = textOf(conf);
  if (random.chance(0.25)) {
    stdin = changedText(stdin, random);
  }
  return { plugin, env: environment(random, places, plugin), stdin };
}

function configurationOf(
  plugin: string,
  random: Random,
  { netns, dataDir }: FuzzPlaces,
): { [key: string]: Json } {
  const interfaces: Json = [
    { name: 'vethx' },
    { name: plugin === 'loopback' ? 'lo' : 'eth0', sandbox: netns },
  ];
  const prevResult = {
    cniVersion: random.pick(VERSIONS),
    interfaces,
    ips: [{ address: '10.96.0.9/24', gateway: '10.96.0.1', interface: 1, version: '4' }],
    routes: [{ dst: '0.0.0.0/0', gw: '10.96.0.1' }],
    dns: { nameservers: ['10.96.0.1'] },
  };
  const ipam = {
    type: 'host-local',
    dataDir,
    ranges: [
      [{ subnet: '10.96.0.0/24', rangeStart: '10.96.0.5', rangeEnd: '10.96.0.99', gateway: '10.96.0.1' }],
    ],
    routes: [{ dst: '0.0.0.0/0', mtu: 1400 }],
  };
  const limits = { ingressRate: 8000, ingressBurst: 80_000, egressRate: 8000, egressBurst: 80_000 };
  const own: Record<string, { [key: string]: Json }> = {
    bridge: {
      bridge: 'fuzz0',
      isGateway: true,
      hairpinMode: true,
      ipMasq: true,
      macspoofchk: true,
      mtu: 1400,
      ipam,
      dns: { nameservers: ['1.1.1.1'] },
    },
    ptp: { mtu: 1400, ipam },
    'host-local': { ipam },
    tuning: { dataDir, mtu: 1400, promisc: true, sysctl: { 'net.core.somaxconn': '9' } },
    bandwidth: limits,
    portmap: { snat: true, conditionsV4: ['!', '-d', '192.0.2.0/24'], markMasqBit: 13, masqAll: true },
    loopback: {},
  };
  return {
    cniVersion: random.pick(VERSIONS),
    name: 'fuzz',
    type: plugin,
    ...(own[plugin] ?? { ...own.bridge, ...limits }),
    args: { cni: { mac: '02:00:00:00:00:07', ips: ['10.96.0.7'] } },
    capabilities: { portMappings: true, ips: true, mac: true },
    runtimeConfig: {
      portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' }],
      bandwidth: limits,
      mac: '02:00:00:00:00:08',
      ips: ['10.96.0.8/24'],
      ipRanges: [[{ subnet: '10.96.1.0/24' }]],
      dns: { servers: ['1.1.1.1'], searches: [], options: [] },
    },
    ...(random.chance(0.6) ? { prevResult } : {}),
    ...(random.chance(0.3) ? { 'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }] } : {}),
  };
}

/** Changes a random value in the document. */
function changeSomewhere(document: { [key: string]: Json }, random: Random): void {
  const keys = Object.keys(document);
  if (keys.length === 0) {
    return;
  }
  const key = random.pick(keys);
  const inside = document[key];
  const isLeaf = typeof inside !== 'object' || inside === null || inside instanceof Verbatim;
  if (isLeaf || random.chance(0.3)) {
    change(document, key, random);
  } else {
    changeSomewhere(inside as { [key: string]: Json }, random);
  }
}

function change(object: { [key: string]: Json }, key: string, random: Random): void {
  const set = (name: string, value: Json) =>
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  // Lists have no other keys.
  switch (Array.isArray(object) ? 5 : random.below(6)) {
    case 0:
      delete object[key];
      return;
    case 1:
      set(random.chance(0.5) ? random.pick(EVIL_KEYS) : key.toUpperCase(), evilValue(random));
      return;
    default:
      set(key, evilValue(random));
  }
}

function evilValue(random: Random, depth = 0): Json {
  switch (random.below(depth > 3 ? 4 : 8)) {
    case 0:
      return new Verbatim(random.pick(EVIL_NUMBERS));
    case 1:
      return random.pick([null, true, false, [], {}]);
    case 2:
      return random.chance(0.02) ? 'x'.repeat(random.below(50_000)) : random.pick(EVIL_TEXT);
    case 3:
      return Array.from({ length: random.below(6) }, () => String.fromCharCode(random.below(0x2000))).join(
        '',
      );
    case 4:
      return Array.from({ length: random.below(4) }, () => evilValue(random, depth + 1));
    case 5:
      return { [random.pick(EVIL_KEYS)]: evilValue(random, depth + 1), x: evilValue(random, depth + 1) };
    case 6:
      return nested(random);
    default:
      return random.pick(EVIL_TEXT);
  }
}

function nested(random: Random): Verbatim {
  const deep = random.chance(0.05) ? random.below(20_000) : random.below(50);
  return random.chance(0.5)
    ? new Verbatim('['.repeat(deep) + ']'.repeat(deep))
    : new Verbatim(`${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`);
}

/** JSON.stringify, plus verbatim text and `__proto__` as an ordinary key. */
function textOf(value: Json): string {
  if (value instanceof Verbatim) {
    return value.text;
  }
  if (Array.isArray(value)) {
    return `[${value.map(textOf).join(',')}]`;
  }
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(value);
  }
  return `{${Object.entries(value)
    .map(([key, inside]) => `${JSON.stringify(key)}:${textOf(inside)}`)
    .join(',')}}`;
}

/** Damages the text, mostly to invalid JSON. */
function changedText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const junk = () => String.fromCharCode(random.below(random.chance(0.7) ? 128 : 0x10000));
  switch (random.below(10)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + junk() + text.slice(at);
    case 2:
      return text.slice(0, at) + junk() + text.slice(at + 1);
    case 3:
      return text.slice(0, at) + text.slice(at + random.below(20));
    case 4:
      return text + random.pick([' x', '{}', text, '\u0000', ',', '\n\n']);
    case 5:
      return random.pick([
        '',
        ' ',
        'null',
        '[]',
        '""',
        '0',
        'x',
        '{}',
        '\ufeff{}',
        '{"name":null}',
        '{"name":7}',
      ]);
    case 6:
      // The same key twice: the last one counts.
      return `{"name":"other","cniVersion":"0.4.0",${text.slice(1)}`;
    case 7:
      return nested(random).text.slice(0, random.below(40_000));
    case 8:
      return Array.from({ length: random.below(200) }, junk).join('');
    default:
      return random.chance(0.002)
        ? `${text.slice(0, -1)},"pad":"${'y'.repeat(10 << 20)}"}`
        : text.toUpperCase();
  }
}

function environment(random: Random, { netns }: FuzzPlaces, plugin: string): Record<string, string> {
  const env: Record<string, string> = {
    CNI_COMMAND: random.pick(VERBS),
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: netns,
    CNI_IFNAME: plugin === 'loopback' ? 'lo' : 'eth0',
    CNI_PATH: '/nowhere',
    ...(random.chance(0.3) ? { CNI_ARGS: cniArgs(random) } : {}),
  };
  for (let changes = random.chance(0.4) ? 1 + random.below(3) : 0; changes > 0; changes--) {
    const name = random.pick(Object.keys(env));
    if (random.chance(0.3)) {
      delete env[name];
    }
    // The kernel ends a variable at NUL and cannot store lone surrogates.
    else {
      env[name] = random.pick(EVIL_TEXT).replace(/[\0\ud800]/g, '');
    }
  }
  return env;
}

function cniArgs(random: Random): string {
  const tokens = [
    'IP',
    'MAC',
    'IgnoreUnknown',
    'K8S_POD_NAME',
    '=',
    ';',
    '1',
    'true',
    '10.96.0.7',
    '__proto__',
    'zz',
  ];
  return Array.from({ length: random.below(9) }, () => random.pick(tokens)).join(random.pick(['', '=', ';']));
}
