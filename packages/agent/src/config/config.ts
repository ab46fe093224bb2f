/** Flags and environment to a checked configuration. Reads nothing but its arguments. */
import { parseArgs } from 'node:util';
import { AgentError } from '../core/error.ts';
import type { Encap, TunnelSettings } from '../core/model.ts';
import { defaultTunnel } from '../core/names.ts';
import { formatPrefix, parsePrefix } from '../core/prefix.ts';

export const commands = [
  'run',
  'plan',
  'apply',
  'install',
  'doctor',
  'status',
  'rollback',
  'cleanup',
  'version',
  'help',
] as const;
export type Command = (typeof commands)[number];

export interface Config {
  command: Command;
  /** Of help: what it is about; absent: everything. */
  topic?: Command;
  nodeName: string;
  /** Absent: the pod's own service account. */
  kubeconfig?: string;
  apiServer?: string;
  /** Absent: the one that comes with the agent. */
  pluginBinary?: string;
  cniBinDir: string;
  cniConfDir: string;
  stateDir: string;
  outsideInterface?: string;
  /** Prefixes inside of which pods keep their address: those of the cluster's pods and Services, and others. */
  nonMasquerade: string[];
  /** File of the plugins to chain behind ours. */
  chain?: string;
  /** Names under which the plugin is also installed, where nothing else is. */
  pluginLinks: string[];
  /** Key of the taint to remove from this node once its data path is programmed. */
  readinessTaint?: string;
  /** How long something must have been left over before it is released, ms; absent: nothing is. */
  leakGraceMs?: number;
  /** The container runtime's socket; absent: the known ones are looked for. */
  runtimeSocket?: string;
  encap: Encap;
  tunnel: TunnelSettings;
  resyncMs: number;
  health?: { host: string; port: number };
  logLevel: string;
  /** Of doctor and status: JSON instead of text. */
  json: boolean;
  /** Of status: again and again. */
  watch: boolean;
  /** Of rollback: take it back. */
  undo: boolean;
}

const options = {
  'node-name': { type: 'string' },
  kubeconfig: { type: 'string' },
  'api-server': { type: 'string' },
  'plugin-binary': { type: 'string' },
  'cni-bin-dir': { type: 'string', default: '/opt/cni/bin' },
  'cni-conf-dir': { type: 'string', default: '/etc/cni/net.d' },
  'state-dir': { type: 'string', default: '/run/cnikit' },
  'outside-interface': { type: 'string' },
  encap: { type: 'string', default: 'auto' },
  'vxlan-name': { type: 'string', default: defaultTunnel.name },
  'vxlan-vni': { type: 'string', default: String(defaultTunnel.vni) },
  'vxlan-port': { type: 'string', default: String(defaultTunnel.port) },
  'cluster-cidr': { type: 'string', multiple: true, default: [] as string[] },
  'service-cidr': { type: 'string', multiple: true, default: [] as string[] },
  'non-masquerade-cidr': { type: 'string', multiple: true, default: [] as string[] },
  chain: { type: 'string' },
  'plugin-links': { type: 'string', default: 'loopback' },
  'node-readiness-taint': { type: 'string' },
  'leak-grace': { type: 'string', default: '300' },
  'runtime-socket': { type: 'string' },
  'resync-interval': { type: 'string', default: '60' },
  'health-address': { type: 'string', default: '127.0.0.1:9470' },
  'log-level': { type: 'string', default: 'info' },
  once: { type: 'boolean' },
  json: { type: 'boolean', default: false },
  watch: { type: 'boolean', default: false },
  undo: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const;

const needsNode: ReadonlySet<Command> = new Set(['run', 'plan', 'apply', 'doctor', 'status']);
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Throws {@link AgentError} `USAGE`. */
export function parseConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Config {
  const { values, positionals } = parse(argv);
  const named = positionals[0] === 'help' ? (positionals[1] ?? 'help') : (positionals[0] ?? 'run');
  const asked = values.help === true || positionals[0] === 'help';
  if (positionals.length > (positionals[0] === 'help' ? 2 : 1)) {
    throw usage(`There is one command at most, not ${positionals.join(' ')}`);
  }
  if (!isCommand(named)) {
    throw usage(`No command ${named}: there are ${commands.join(', ')}`);
  }
  const command = asked ? 'help' : named;
  const nodeName = values['node-name'] ?? env.NODE_NAME ?? '';
  if (nodeName === '' && needsNode.has(command)) {
    throw usage(
      'The name of this node is missing: set NODE_NAME to metadata.name of its Node, or give --node-name',
    );
  }
  const resync = Number(values['resync-interval']);
  if (!(resync >= 1 && resync <= 86_400)) {
    throw usage(`--resync-interval is ${values['resync-interval']}: it must be between 1 and 86400 seconds`);
  }
  if (!logLevels.includes(values['log-level'])) {
    throw usage(`--log-level is ${values['log-level']}: it must be one of ${logLevels.join(', ')}`);
  }
  const health = parseHealth(values['health-address']);
  return {
    command,
    ...optional('topic', asked && positionals.length > 0 ? named : undefined),
    nodeName,
    cniBinDir: values['cni-bin-dir'],
    cniConfDir: values['cni-conf-dir'],
    stateDir: values['state-dir'],
    nonMasquerade: (['cluster-cidr', 'service-cidr', 'non-masquerade-cidr'] as const).flatMap((name) =>
      values[name].flatMap((list) => list.split(',')).map((text) => parseCidr(name, text)),
    ),
    encap: parseEncap(values.encap),
    tunnel: {
      name: parseLinkName('vxlan-name', values['vxlan-name']),
      vni: parseNumber('vxlan-vni', values['vxlan-vni'], 1, 0xff_ffff),
      port: parseNumber('vxlan-port', values['vxlan-port'], 1, 0xffff),
    },
    pluginLinks: parseNames(values['plugin-links']),
    resyncMs: resync * 1000,
    logLevel: values['log-level'],
    json: values.json,
    watch: values.watch,
    undo: values.undo,
    ...optional('chain', values.chain),
    ...optional('readinessTaint', values['node-readiness-taint']),
    ...optional('leakGraceMs', parseGrace(values['leak-grace'])),
    ...optional('runtimeSocket', values['runtime-socket']),
    ...optional('kubeconfig', values.kubeconfig),
    ...optional('apiServer', values['api-server'] === undefined ? undefined : parseUrl(values['api-server'])),
    ...optional('pluginBinary', values['plugin-binary']),
    ...optional('outsideInterface', values['outside-interface']),
    ...optional('health', health),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

const usage = (message: string): AgentError => new AgentError('USAGE', message);
const isCommand = (text: string): text is Command => (commands as readonly string[]).includes(text);

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}

function parseCidr(name: string, text: string): string {
  const prefix = parsePrefix(text.trim());
  if (prefix === undefined) {
    throw usage(`--${name} ${JSON.stringify(text)} is not a prefix such as 10.96.0.0/12`);
  }
  return formatPrefix(prefix);
}

function parseNames(text: string): string[] {
  const names = text.split(',').filter((name) => name !== '');
  const wrong = names.find((name) => !/^[a-z][a-z-]*$/.test(name));
  if (wrong !== undefined) {
    throw usage(`--plugin-links has ${JSON.stringify(wrong)}: it must be plugins' names`);
  }
  return names;
}

function parseGrace(text: string): number | undefined {
  if (text === 'off') {
    return undefined;
  }
  const seconds = Number(text);
  if (!(seconds >= 1 && seconds <= 86_400)) {
    throw usage(`--leak-grace is ${text}: it must be between 1 and 86400 seconds, or off`);
  }
  return seconds * 1000;
}

function parseEncap(text: string): Encap {
  if (text === 'auto' || text === 'never' || text === 'always') {
    return text;
  }
  throw usage(`--encap is ${JSON.stringify(text)}: it must be auto, never or always`);
}

function parseNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) {
    return number;
  }
  throw usage(`--${name} is ${JSON.stringify(text)}: it must be between ${least} and ${most}`);
}

/** As dev_valid_name() in net/core/dev.c has it. */
function parseLinkName(name: string, text: string): string {
  // One character is left for the 6 of the link whose outer packets are IPv6.
  if (/^[^\s/:]{1,14}$/.test(text) && text !== '.' && text !== '..') {
    return text;
  }
  throw usage(`--${name} is ${JSON.stringify(text)}: it must be a link's name, 14 characters at most`);
}

function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw usage(`--api-server ${JSON.stringify(text)} is not a URL such as https://192.0.2.1:6443`);
  }
  return text.replace(/\/$/, '');
}

function parseHealth(text: string): { host: string; port: number } | undefined {
  if (text === 'off') {
    return undefined;
  }
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw usage(`--health-address is ${JSON.stringify(text)}: it must be HOST:PORT, or off`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}
