/** Every option of cnikit-agent. Parsing, `--help` and docs/agent-options.md are all made from this table. */
import { defaultTunnel } from '../core/names.ts';
import { type Command, commands } from './commands.ts';

export interface OptionSpec {
  type: 'string' | 'boolean';
  short?: string;
  /** The option may be repeated. */
  multiple?: true;
  /** The value's placeholder in the help. */
  value?: string;
  default?: string | boolean | string[];
  /** Describes a default that is not a fixed value. */
  defaultText?: string;
  /** Sentences without the final period. */
  help: string;
  group: OptionGroup;
  /** The commands that use the option; the others accept and ignore it. */
  commands: readonly Command[];
}

export const optionGroups = ['Cluster', 'Routing', 'NAT', 'CNI plugin', 'Operation', 'Output'] as const;
export type OptionGroup = (typeof optionGroups)[number];

const NODE = ['run', 'plan', 'apply', 'doctor', 'status'] as const;
const HOST = ['run', 'plan', 'apply', 'doctor'] as const;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export const options = {
  'node-name': {
    type: 'string',
    value: 'NAME',
    defaultText: '$NODE_NAME',
    help: 'metadata.name of this Node',
    group: 'Cluster',
    commands: NODE,
  },
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    defaultText: "the pod's service account",
    help: 'Kubeconfig file for the API server',
    group: 'Cluster',
    commands: NODE,
  },
  'api-server': {
    type: 'string',
    value: 'URL',
    defaultText: "the kubeconfig's server",
    help: 'Address of the API server. Use it where the address of the kubernetes Service works only once kube-proxy runs',
    group: 'Cluster',
    commands: NODE,
  },
  'outside-interface': {
    type: 'string',
    value: 'NAME',
    defaultText: "the interfaces of each family's default routes",
    help: 'Egress interface of the cluster: the MTU of pods is at most that of this interface, and --masquerade=egress masquerades only there',
    group: 'Routing',
    commands: NODE,
  },
  encap: {
    type: 'string',
    value: 'MODE',
    default: 'auto',
    help: 'When to use a VXLAN tunnel. auto: for nodes whose InternalIP is not on-link; always: for all nodes; never: report nodes that are not on-link. Must be the same on all nodes',
    group: 'Routing',
    commands: NODE,
  },
  'vxlan-name': {
    type: 'string',
    value: 'NAME',
    default: defaultTunnel.name,
    help: 'Name of the tunnel link, at most 14 characters. The link for an IPv6 underlay has a 6 appended',
    group: 'Routing',
    commands: NODE,
  },
  'vxlan-vni': {
    type: 'string',
    value: 'NUMBER',
    default: String(defaultTunnel.vni),
    help: 'VXLAN network identifier. Must be the same on all nodes',
    group: 'Routing',
    commands: NODE,
  },
  'vxlan-port': {
    type: 'string',
    value: 'NUMBER',
    default: String(defaultTunnel.port),
    help: 'UDP port of the tunnel. Must be the same on all nodes',
    group: 'Routing',
    commands: NODE,
  },
  mtu: {
    type: 'string',
    value: 'NUMBER',
    defaultText:
      'the least MTU of the egress interface and the links to other nodes, minus the tunnel overhead',
    help: 'Upper limit of the MTU of pods and tunnels. Use it where the path between nodes carries less than their links',
    group: 'Routing',
    commands: NODE,
  },
  'cluster-cidr': {
    type: 'string',
    multiple: true,
    value: 'CIDR',
    default: [] as string[],
    help: 'Pod CIDR of the whole cluster, if known: one set element instead of one per node. May be repeated',
    group: 'NAT',
    commands: HOST,
  },
  'service-cidr': {
    type: 'string',
    multiple: true,
    value: 'CIDR',
    default: [] as string[],
    help: 'CIDR of Services: traffic to it is never masqueraded. May be repeated',
    group: 'NAT',
    commands: HOST,
  },
  'non-masquerade-cidr': {
    type: 'string',
    multiple: true,
    value: 'CIDR',
    default: [] as string[],
    help: 'Other destinations that see the pod IP: traffic to them is never masqueraded. May be repeated',
    group: 'NAT',
    commands: HOST,
  },
  masquerade: {
    type: 'string',
    value: 'MODE',
    default: 'destination',
    help: 'Which packets of pods are masqueraded. destination: all that leave the pod networks, by any link, also to nodes; egress: only those that leave by the egress interface, except to nodes',
    group: 'NAT',
    commands: HOST,
  },
  'packet-filter': {
    type: 'string',
    value: 'BACKEND',
    default: 'auto',
    help: 'Back end that masquerades packets of pods. auto: nftables where the kernel supports it, with rules of iptables where iptables drops forwarded packets by default, else iptables; nftables: runs no program; iptables: as before. A change takes effect without interrupting connections',
    group: 'NAT',
    commands: NODE,
  },
  layout: {
    type: 'string',
    value: 'LAYOUT',
    default: 'bridge',
    help: 'How pods are attached. bridge: to the bridge cni0; routed: each by its own route, without broadcast and multicast between pods. Pods that run keep the layout that they started with, and reach those of the other',
    group: 'CNI plugin',
    commands: NODE,
  },
  'plugin-binary': {
    type: 'string',
    value: 'FILE',
    defaultText: 'the one shipped with the agent',
    help: 'Plugin executable to install',
    group: 'CNI plugin',
    commands: ['run', 'plan', 'apply', 'install', 'doctor', 'cleanup'],
  },
  'plugin-links': {
    type: 'string',
    value: 'NAMES',
    default: 'loopback',
    help: 'Comma-separated names to link to the plugin executable, unless a file of that name exists. containerd needs loopback. May be empty',
    group: 'CNI plugin',
    commands: ['run', 'plan', 'apply', 'install', 'doctor', 'cleanup'],
  },
  chain: {
    type: 'string',
    value: 'FILE',
    help: 'JSON array of plugin configurations to chain after cnikit. The file is reread when it changes',
    group: 'CNI plugin',
    commands: HOST,
  },
  'cni-bin-dir': {
    type: 'string',
    value: 'DIR',
    default: '/opt/cni/bin',
    help: 'Directory for CNI plugin executables',
    group: 'CNI plugin',
    commands: ['run', 'plan', 'apply', 'install', 'doctor', 'rollback', 'cleanup'],
  },
  'cni-conf-dir': {
    type: 'string',
    value: 'DIR',
    default: '/etc/cni/net.d',
    help: 'Directory for CNI configuration files',
    group: 'CNI plugin',
    commands: ['run', 'plan', 'apply', 'doctor', 'rollback', 'cleanup'],
  },
  'cni-cache-dir': {
    type: 'string',
    value: 'DIR',
    default: '/var/lib/cni',
    help: 'Directory where the container runtime keeps the results of pods, which the agent reads to restore what another program removed from them',
    group: 'CNI plugin',
    commands: ['run'],
  },
  'state-dir': {
    type: 'string',
    value: 'DIR',
    default: '/run/cnikit',
    help: 'Directory for the saved node list, which a start without the API server uses, and for readiness.json',
    group: 'Operation',
    commands: [...NODE, 'cleanup'],
  },
  'node-readiness-taint': {
    type: 'string',
    value: 'KEY',
    help: 'Key of the taint to remove from the Node once the data path is programmed. Requires permission to patch nodes',
    group: 'Operation',
    commands: ['run', 'doctor'],
  },
  'leak-grace': {
    type: 'string',
    value: 'SECONDS',
    default: '300',
    help: 'Time to wait before releasing the addresses and links of pods that no longer exist, or off. Nothing is released while no container runtime listens',
    group: 'Operation',
    commands: ['run'],
  },
  'runtime-socket': {
    type: 'string',
    value: 'PATH',
    defaultText: 'the sockets of containerd, k3s, k0s, CRI-O and cri-dockerd',
    help: 'Socket of the container runtime',
    group: 'Operation',
    commands: ['run', 'doctor'],
  },
  'resync-interval': {
    type: 'string',
    value: 'SECONDS',
    default: '60',
    help: 'Interval of the full resync. Events trigger updates immediately; the resync catches changes without an event',
    group: 'Operation',
    commands: ['run'],
  },
  'health-address': {
    type: 'string',
    value: 'HOST:PORT',
    default: '127.0.0.1:9470',
    help: 'Address for /healthz, /readyz, /metrics and /status, or off. To requests from this host it also serves /debug/cpu-profile?seconds=N and /debug/heap-snapshot',
    group: 'Operation',
    commands: ['run', 'doctor', 'status'],
  },
  once: {
    type: 'boolean',
    help: 'Accepted for clarity (apply --once): apply always runs once',
    group: 'Operation',
    commands: ['apply'],
  },
  force: {
    type: 'boolean',
    default: false,
    help: 'Also detach pods that still run, which lose their network',
    group: 'Operation',
    commands: ['cleanup'],
  },
  undo: {
    type: 'boolean',
    default: false,
    help: 'Let the agent reinstall its own version',
    group: 'Operation',
    commands: ['rollback'],
  },
  json: {
    type: 'boolean',
    default: false,
    help: 'Print JSON instead of text',
    group: 'Output',
    commands: ['doctor', 'status'],
  },
  watch: {
    type: 'boolean',
    default: false,
    help: 'Refresh every 2 seconds until a signal',
    group: 'Output',
    commands: ['status'],
  },
  'log-level': {
    type: 'string',
    value: 'LEVEL',
    default: 'info',
    help: `Least severe level to log: ${LOG_LEVELS.join(', ')}`,
    group: 'Output',
    commands: ['run', 'apply'],
  },
  help: { type: 'boolean', short: 'h', help: 'Print the help', group: 'Output', commands },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** Rows of the table with the full type of a row. */
export const optionSpecs: readonly (OptionSpec & { name: string })[] = Object.entries(options).map(
  ([name, spec]) => ({ name, ...(spec as OptionSpec) }),
);
