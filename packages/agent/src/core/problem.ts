/** Problems that an operator has to know about, and what each kind of them means to Events, metrics and doctor. Pure. */

export type ProblemKind =
  /** This Node is missing from the API or has no podCIDR. */
  | 'own-node'
  /** Another Node is unusable in part. */
  | 'node'
  /** Several Nodes have the same podCIDR. */
  | 'claim'
  /** There can be no route to a podCIDR. */
  | 'no-route'
  /** Another program's route has the destination of ours. */
  | 'foreign-route'
  /** The kernel refused a change of routes or of the tunnel. */
  | 'refused-change'
  /** Another program's link has the name, or the VNI and port, of the tunnel. */
  | 'foreign-tunnel'
  | 'no-default-route'
  /** A link leaves less than the 1280 bytes that IPv6 needs. */
  | 'low-mtu'
  /** A podCIDR of this Node has no free address. */
  | 'full-range'
  /** A part of a running pod that another program removed cannot be restored. */
  | 'broken-pod'
  /** A running pod has an address outside of this Node's podCIDRs. */
  | 'outdated-pod'
  | 'chain'
  /** A chained plugin is older than CNI 1.1.0. */
  | 'chain-version'
  | 'earlier-configuration'
  | 'held-file'
  | 'broken-plugin'
  | 'cni-files'
  /** The agent cannot write readiness.json. */
  | 'readiness-file'
  /** Another program keeps changing what the agent repairs. */
  | 'contested'
  | 'sysctl'
  | 'rules'
  /** A chain of another program drops forwarded packets, and no rule of ours can overrule it. */
  | 'foreign-filter'
  | 'kernel'
  | 'self-test'
  /** Packets of some sources, from some links, or to some nodes do not take the routes. */
  | 'diverted-packets'
  /** Another program's route is inside of this Node's podCIDR. */
  | 'inside-route'
  /** Rules of NetworkPolicies cannot be programmed. */
  | 'policy'
  /** The API server does not list what NetworkPolicies depend on. */
  | 'policy-api'
  /** A NetworkPolicy has a field that this version does not know. */
  | 'policy-object'
  /** Connections that policies deny could not be ended. */
  | 'policy-established'
  /** Denied packets cannot be logged. */
  | 'policy-log'
  /** The plugin cannot report new pods. */
  | 'policy-gate'
  /** Connections through Services meet the rules of one end only. */
  | 'policy-ipvs'
  /** Packets between pods of this node meet no rule. */
  | 'policy-layout'
  | 'condition'
  | 'taint';

/** `failure`: pods lack something. `warning`: they may. */
export type Severity = 'failure' | 'warning';

export interface Problem {
  kind: ProblemKind;
  /** The affected podCIDR, link or path. Empty if there is only one problem of its kind. */
  subject: string;
  severity: Severity;
  message: string;
  /** The remedy, as a sentence. */
  fix?: string;
}

interface KindProperties {
  severity: Severity;
  /** Label `area` of the metric `problems`. */
  area: string;
  /** New pods would have no network: STATUS of the plugin fails while the problem lasts. */
  fatal?: true;
  /** Reason of the Kubernetes Event; absent: no Event. */
  reason?: string;
  /** There may be thousands, which become one Event. */
  merged?: true;
  /** The remedy that doctor recommends. */
  fix?: string;
}

const FIX_ROUTE =
  'Pods on this node cannot reach pods behind that route. Fix the cause above; the agent picks it up immediately.';

export const problemKinds: Readonly<Record<ProblemKind, KindProperties>> = {
  'own-node': { severity: 'failure', area: 'own', reason: 'PodCIDRMissing' },
  node: { severity: 'warning', area: 'node' },
  claim: { severity: 'failure', area: 'claim', reason: 'PodCIDRClaimedTwice', merged: true },
  'no-route': { severity: 'failure', area: 'route', reason: 'RouteMissing', merged: true, fix: FIX_ROUTE },
  'foreign-route': {
    severity: 'failure',
    area: 'foreign',
    reason: 'RouteMissing',
    merged: true,
    fix: FIX_ROUTE,
  },
  'refused-change': {
    severity: 'failure',
    area: 'write',
    reason: 'RouteMissing',
    merged: true,
    fix: FIX_ROUTE,
  },
  'foreign-tunnel': { severity: 'failure', area: 'tunnel', fix: FIX_ROUTE },
  'no-default-route': {
    severity: 'warning',
    area: 'outside',
    reason: 'NoDefaultRoute',
    fix: 'Pods reach all hosts outside the cluster once either is done.',
  },
  'low-mtu': {
    severity: 'warning',
    area: 'mtu',
    reason: 'MTUTooLow',
    fix: 'The agent follows the change; pods that start afterwards use it.',
  },
  'full-range': {
    severity: 'warning',
    area: 'ipam',
    reason: 'AddressesExhausted',
    fix: 'Give nodes larger podCIDRs (--node-cidr-mask-size of the controller manager), or lower maxPods of their kubelets.',
  },
  'broken-pod': {
    severity: 'failure',
    area: 'pods',
    reason: 'PodNetworkBroken',
    merged: true,
    fix: 'Fix the cause above, or delete the pod so that it is recreated.',
  },
  'outdated-pod': {
    severity: 'failure',
    area: 'pods',
    reason: 'PodOutsidePodCIDR',
    merged: true,
    fix: 'Delete the pod so that it is recreated with an address of the present podCIDR.',
  },
  chain: {
    severity: 'failure',
    area: 'chain',
    reason: 'CNIConfigurationProblem',
    fix: 'Correct the --chain file, or install other versions of the plugins in it.',
  },
  // No Event: pods work. STATUS and GC are missing.
  'chain-version': {
    severity: 'warning',
    area: 'chain',
    fix: 'Install a version of it that speaks CNI 1.1.0 (containernetworking/plugins 1.6.0 or later), or remove it from the --chain file.',
  },
  'earlier-configuration': { severity: 'failure', area: 'earlier', reason: 'CNIConfigurationProblem' },
  'held-file': {
    severity: 'warning',
    area: 'held',
    reason: 'CNIConfigurationProblem',
    fix: 'Keep the rolled-back version, or run `cnikit-agent rollback --undo`.',
  },
  // The runtime cannot run STATUS either.
  'broken-plugin': { severity: 'failure', area: 'cni', fatal: true, reason: 'CNIConfigurationProblem' },
  'cni-files': { severity: 'failure', area: 'cni', reason: 'CNIConfigurationProblem' },
  'readiness-file': { severity: 'failure', area: 'readiness', reason: 'ReadinessFileFailed' },
  contested: {
    severity: 'warning',
    area: 'contested',
    reason: 'RepairedRepeatedly',
    fix: 'Find the other program (another CNI, a configuration manager, a second cnikit-agent), and stop it or exclude what cnikit owns.',
  },
  // No Event: the plugin sets what the agent cannot.
  sysctl: { severity: 'failure', area: 'sysctl' },
  rules: { severity: 'failure', area: 'rules', fatal: true, reason: 'PacketFilterFailed' },
  'foreign-filter': {
    severity: 'warning',
    area: 'foreign-filter',
    reason: 'ForwardingDropped',
    fix: 'Pods reach other hosts once that chain accepts their packets.',
  },
  kernel: { severity: 'failure', area: 'kernel', fatal: true, reason: 'KernelNotUsable' },
  'self-test': {
    severity: 'failure',
    area: 'selftest',
    fatal: true,
    reason: 'RouteSelfTestFailed',
    fix: 'Check `ip rule` and `ip route get ADDRESS`, and remove the rule or route that diverts the packets.',
  },
  'diverted-packets': {
    severity: 'failure',
    area: 'selftest',
    reason: 'RouteSelfTestFailed',
    fix: 'Check `ip rule`, and `ip route get ADDRESS from SOURCE iif LINK`, and remove the rule that diverts the packets.',
  },
  'inside-route': {
    severity: 'failure',
    area: 'foreign',
    reason: 'PodCIDRDiverted',
    merged: true,
    fix: 'Remove the route, and find the program that adds it: another CNI that is still installed, for example.',
  },
  policy: { severity: 'failure', area: 'policy', fatal: true, reason: 'NetworkPolicyFailed' },
  'policy-api': {
    severity: 'failure',
    area: 'policy',
    reason: 'NetworkPolicyFailed',
    fix: 'Apply deploy/overlays/network-policy, or set networkPolicy: true in the Helm values: they add the permission.',
  },
  'policy-established': {
    severity: 'warning',
    area: 'policy',
    reason: 'NetworkPolicyIncomplete',
    fix: 'The agent tries again every few seconds. Load the kernel module nf_conntrack_netlink if it is missing, or set --policy-established=keep.',
  },
  'policy-log': {
    severity: 'warning',
    area: 'policy',
    reason: 'NetworkPolicyIncomplete',
    fix: 'Load the kernel module nfnetlink_log if it is missing, choose another --policy-log-group, or set --policy-log=off. Then restart the agent.',
  },
  'policy-gate': {
    severity: 'failure',
    area: 'policy',
    reason: 'NetworkPolicyFailed',
    fix: 'Remove the cause above. Until then a new pod is closed until the API reports its address.',
  },
  'policy-object': {
    severity: 'failure',
    area: 'policy',
    reason: 'NetworkPolicyInvalid',
    merged: true,
    fix: 'Remove the field, or install a version of cnikit that knows it.',
  },
  'policy-ipvs': {
    severity: 'warning',
    area: 'policy',
    reason: 'NetworkPolicyIncomplete',
    fix: 'Set net.ipv4.vs.conntrack=1, as kube-proxy does at its start.',
  },
  'policy-layout': {
    severity: 'failure',
    area: 'policy',
    reason: 'NetworkPolicyIncomplete',
    fix: 'Set --layout=routed and recreate the pods, or load br_netfilter with net.bridge.bridge-nf-call-iptables=1 and net.bridge.bridge-nf-call-ip6tables=1.',
  },
  condition: { severity: 'warning', area: 'condition', reason: 'NodeNotUpdated' },
  taint: { severity: 'warning', area: 'taint', reason: 'NodeNotUpdated' },
};

/** A problem with the severity and the fix of its kind. */
export function problem(kind: ProblemKind, subject: string, message: string): Problem {
  const { severity, fix } = problemKinds[kind];
  return fix === undefined ? { kind, subject, severity, message } : { kind, subject, severity, message, fix };
}

/** Identity of a problem: the same as long as it lasts, even if its message changes. */
export const problemKey = ({ kind, subject }: Pick<Problem, 'kind' | 'subject'>): string =>
  subject === '' ? kind : `${kind} ${subject}`;
