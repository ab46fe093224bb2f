/** Turns arguments and environment into a checked configuration. Pure: reads nothing but its arguments. */
import { parseArgs } from 'node:util';
import { formatPrefix, parseNetwork } from '@cnikit/ip';
import type { PacketFilterMode } from '../core/backend.ts';
import type { Encap, Layout, Masquerade, TunnelSettings } from '../core/model.ts';
import { type Command, commands, isCommand } from './commands.ts';
import { invalid, parseNumber, usage } from './invalid.ts';
import { LOG_LEVELS, options } from './options.ts';
import { type PolicySettings, parsePolicySettings } from './policy-settings.ts';
import { type PolicyQuestion, parseQuestionName, type QuestionName } from './question.ts';

export interface Config {
  command: Command;
  /** The command to explain; undefined for the overview. Used by help. */
  topic?: Command | undefined;
  nodeName: string;
  /** Undefined: the pod's own service account. */
  kubeconfig?: string | undefined;
  apiServer?: string | undefined;
  /** Undefined: the executable shipped with the agent. */
  pluginBinary?: string | undefined;
  cniBinDir: string;
  cniConfDir: string;
  /** Directory of libcni, with the results of ADD in `results`. */
  cniCacheDir: string;
  stateDir: string;
  outsideInterface?: string | undefined;
  /** Destinations that are never masqueraded: the cluster's pods and Services, and others. */
  nonMasquerade: string[];
  masquerade: Masquerade;
  packetFilter: PacketFilterMode;
  /** Undefined: not given, `routed` for a node without a configuration. */
  layout?: Layout | undefined;
  /** Namespaces whose pods may send from other source addresses; undefined: not given, none for a new node. */
  foreignSourceNamespaces?: string[] | undefined;
  /** Pods of a bridge have MAC addresses that follow from their addresses; undefined: not given, off for a new node. */
  macFromAddress?: boolean | undefined;
  /** Enforce NetworkPolicies. */
  networkPolicy: boolean;
  policySettings: PolicySettings;
  /** File that lists the plugins to chain after cnikit. */
  chain?: string | undefined;
  /** Names to link to the plugin executable, unless a file of that name exists. */
  pluginLinks: string[];
  /** Key of the taint to remove from this node once its data path is programmed. */
  readinessTaint?: string | undefined;
  /** Milliseconds before a leak is released; undefined: leaks are never released. */
  leakGraceMs?: number | undefined;
  /** The container runtime's socket; undefined: the known ones are tried. */
  runtimeSocket?: string | undefined;
  /** Upper limit of the MTU of pods and tunnels; undefined: none. */
  mtu?: number | undefined;
  encap: Encap;
  tunnel: TunnelSettings;
  resyncMs: number;
  /** Undefined: nothing is served. */
  health?: { host: string; port: number } | undefined;
  logLevel: string;
  /** Print JSON instead of text. Used by doctor and status. */
  json: boolean;
  /** Refresh until a signal. Used by status. */
  watch: boolean;
  /** Detach pods that run. Used by cleanup. */
  force: boolean;
  /** Undo a rollback. Used by rollback. */
  undo: boolean;
  /** Used by policy. */
  question?: PolicyQuestion | undefined;
}

const needsNode: ReadonlySet<Command> = new Set(['run', 'plan', 'apply', 'doctor', 'status']);

/** @throws {AgentError} `USAGE` when the arguments are invalid. */
export function parseConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Config {
  const { values, positionals } = parse(argv);
  const { command, topic, question } = values.version
    ? { command: 'version' as const }
    : parseCommand(positionals, values.help === true);
  const config: Config = {
    command,
    topic,
    nodeName: values['node-name'] ?? env.NODE_NAME ?? '',
    kubeconfig: values.kubeconfig,
    apiServer: parseUrl(values['api-server']),
    pluginBinary: values['plugin-binary'],
    cniBinDir: values['cni-bin-dir'],
    cniConfDir: values['cni-conf-dir'],
    cniCacheDir: values['cni-cache-dir'],
    stateDir: values['state-dir'],
    outsideInterface: values['outside-interface'],
    nonMasquerade: (['cluster-cidr', 'service-cidr', 'non-masquerade-cidr'] as const).flatMap((name) =>
      values[name].flatMap((list) => list.split(',')).map((text) => parseCidr(name, text)),
    ),
    // RFC 791: every host accepts 576 bytes.
    mtu: values.mtu === undefined ? undefined : parseNumber('mtu', values.mtu, 576, 65_535),
    masquerade: parseMasquerade(values.masquerade),
    packetFilter: parsePacketFilter(values['packet-filter']),
    encap: parseEncap(values.encap),
    layout: parseLayout(values.layout),
    foreignSourceNamespaces: parseNamespaces(values['foreign-source-namespaces']),
    macFromAddress: values['mac-from-address'],
    networkPolicy: values['network-policy'] || parseSwitch('CNIKIT_NETWORK_POLICY', env),
    policySettings: parsePolicySettings(values),
    tunnel: {
      name: parseLinkName('vxlan-name', values['vxlan-name']),
      vni: parseNumber('vxlan-vni', values['vxlan-vni'], 1, 0xff_ffff),
      port: parseNumber('vxlan-port', values['vxlan-port'], 1, 0xffff),
    },
    chain: values.chain,
    pluginLinks: parseNames(values['plugin-links']),
    readinessTaint: values['node-readiness-taint'],
    leakGraceMs:
      values['leak-grace'] === 'off' ? undefined : parseMs('leak-grace', values['leak-grace'], ', or off'),
    runtimeSocket: values['runtime-socket'],
    resyncMs: parseMs('resync-interval', values['resync-interval']),
    health: parseHealth(values['health-address']),
    logLevel: parseLogLevel(values['log-level']),
    json: values.json,
    watch: values.watch,
    force: values.force,
    undo: values.undo,
    question: question && {
      name: question,
      from: values.from,
      to: values.to,
      namespaces: values.namespace,
      ports: values.port,
      endpoints: values.with,
    },
  };
  // After the values: a mistyped value is reported first, also outside of a pod.
  if (config.nodeName === '' && needsNode.has(command)) {
    throw usage("Missing node name: set NODE_NAME or --node-name to this Node's metadata.name");
  }
  return config;
}

function parse(argv: readonly string[]) {
  const lenient = parseArgs({
    args: [...argv],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const unknown = lenient.tokens.find(
    (token) => token.kind === 'option' && !Object.hasOwn(options, token.name),
  );
  if (unknown?.kind === 'option') {
    throw usage(`Unknown option ${unknown.rawName}; run cnikit-agent --help for the list of options`);
  }
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

/** `--help` and `help` take precedence over the command, which becomes the topic. */
function parseCommand(
  positionals: readonly string[],
  helpOption: boolean,
): { command: Command; topic?: Command | undefined; question?: QuestionName | undefined } {
  const helpCommand = positionals[0] === 'help';
  const words = helpCommand ? positionals.slice(1) : positionals;
  if (words[0] === 'policy') {
    return helpCommand || helpOption
      ? { command: 'help', topic: 'policy' }
      : { command: 'policy', question: parseQuestionName(words.slice(1)) };
  }
  if (words.length > 1) {
    throw usage(`Expected at most one command, got: ${words.join(' ')}`);
  }
  const [word] = words;
  if (word !== undefined && !isCommand(word)) {
    throw usage(`Unknown command "${word}"; expected one of ${commands.join(', ')}`);
  }
  return helpCommand || helpOption ? { command: 'help', topic: word } : { command: word ?? 'run' };
}

function parseCidr(name: string, text: string): string {
  const prefix = parseNetwork(text.trim());
  if (prefix === undefined) {
    throw invalid(name, text, 'a prefix such as 10.96.0.0/12');
  }
  return formatPrefix(prefix);
}

function parseNames(text: string): string[] {
  const names = text.split(',').filter((name) => name !== '');
  const wrong = names.find((name) => !/^[a-z][a-z-]*$/.test(name));
  if (wrong !== undefined) {
    throw invalid('plugin-links', wrong, 'names of plugins, separated by commas');
  }
  return names;
}

/** Parses seconds to milliseconds. */
function parseMs(name: string, text: string, alternative = ''): number {
  const seconds = Number(text);
  if (!(seconds >= 1 && seconds <= 86_400)) {
    throw invalid(name, text, `1 to 86400 seconds${alternative}`);
  }
  return seconds * 1000;
}

function parseLogLevel(text: string): string {
  if (!(LOG_LEVELS as readonly string[]).includes(text)) {
    throw invalid('log-level', text, `one of ${LOG_LEVELS.join(', ')}`);
  }
  return text;
}

function parseEncap(text: string): Encap {
  if (text === 'auto' || text === 'never' || text === 'always') {
    return text;
  }
  throw invalid('encap', text, 'auto, never or always');
}

function parseMasquerade(text: string): Masquerade {
  if (text === 'destination' || text === 'egress') {
    return text;
  }
  throw invalid('masquerade', text, 'destination or egress');
}

function parseSwitch(name: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const text = env[name] ?? '';
  if (!['', 'true', 'false'].includes(text)) {
    throw usage(`Invalid ${name} ${JSON.stringify(text)}: expected true or false`);
  }
  return text === 'true';
}

function parseLayout(text: string | undefined): Layout | undefined {
  if (text === undefined || text === 'bridge' || text === 'routed') {
    return text;
  }
  throw invalid('layout', text, 'bridge or routed');
}

/** Namespaces are DNS labels (RFC 1123). */
function parseNamespaces(text: string | undefined): string[] | undefined {
  const names = text?.split(',').filter((name) => name !== '');
  const wrong = names?.find((name) => !/^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/.test(name));
  if (wrong !== undefined) {
    throw invalid('foreign-source-namespaces', wrong, 'names of namespaces, separated by commas');
  }
  return names;
}

function parsePacketFilter(text: string): PacketFilterMode {
  if (text === 'auto' || text === 'nftables' || text === 'iptables') {
    return text;
  }
  throw invalid('packet-filter', text, 'auto, nftables or iptables');
}

/** Follows dev_valid_name() in net/core/dev.c. */
function parseLinkName(name: string, text: string): string {
  // The limit is one below IFNAMSIZ - 1: the link for an IPv6 underlay has a 6 appended.
  if (/^[^\s/:]{1,14}$/.test(text) && text !== '.' && text !== '..') {
    return text;
  }
  throw invalid(name, text, 'a link name of at most 14 characters');
}

function parseUrl(text: string | undefined): string | undefined {
  if (text !== undefined && (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))) {
    throw invalid('api-server', text, 'a URL such as https://192.0.2.1:6443');
  }
  return text?.replace(/\/$/, '');
}

function parseHealth(text: string): { host: string; port: number } | undefined {
  if (text === 'off') {
    return undefined;
  }
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw invalid('health-address', text, 'HOST:PORT, or off');
  }
  return { host: match[1] ?? match[2] ?? '', port };
}
