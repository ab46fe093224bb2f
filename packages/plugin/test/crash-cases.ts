/** Configurations of the crash matrix. */

export interface CrashCase {
  title: string;
  /** The plugin's name. */
  plugin: string;
  /** Returns the configuration without version and name. State is below `dir`; `kept` is true for the pod that stays. */
  conf(dir: string, kept: boolean): object;
  /** Run after another plugin: the pod has an interface, and there is a prevResult. */
  chained?: boolean;
  /** Try ADD also on a node without a previous pod. */
  fresh?: boolean;
  /** Compare legacy iptables. */
  iptables?: boolean;
  /** CNI_ARGS. */
  args?: string;
}

/** Socket of a server that plays the agent's enforcement of network policy. */
export const POLICY_SOCKET = '/run/cnikit-crash-policy.sock';

const ipam = (dir: string) => ({
  type: 'host-local',
  dataDir: `${dir}/ipam`,
  ranges: [[{ subnet: '10.98.0.0/24' }], [{ subnet: 'fd98::/64' }]],
});
const bridge = (dir: string) => ({ bridge: 'crash0', isDefaultGateway: true, ipam: ipam(dir) });
const limits = { ingressRate: 8000, ingressBurst: 80_000, egressRate: 8000, egressBurst: 80_000 };
/** Different ports for the two pods, since host ports are exclusive. */
const ports = (kept: boolean) => ({
  runtimeConfig: {
    portMappings: [
      { hostPort: kept ? 8080 : 8081, containerPort: 80, protocol: 'tcp' },
      { hostPort: kept ? 5300 : 5301, containerPort: 53, protocol: 'udp' },
    ],
  },
});
const ptp = (dir: string) => ({ ipam: ipam(dir) });

export const crashCases: readonly CrashCase[] = [
  {
    title: 'cnikit, all in one',
    plugin: 'cnikit',
    conf: (dir, kept) => ({
      ...bridge(dir),
      // Beside a pod on the bridge.
      layout: kept ? 'bridge' : 'routed',
      ipMasq: true,
      ...limits,
      ...ports(kept),
    }),
    fresh: true,
  },
  {
    title: "cnikit, in upstream's nftables tables",
    plugin: 'cnikit',
    conf: (dir, kept) => ({
      ...bridge(dir),
      ipMasq: true,
      ipMasqBackend: 'nftables',
      backend: 'nftables',
      ...ports(kept),
    }),
  },
  {
    title: 'cnikit, on the bridge beside a routed pod',
    plugin: 'cnikit',
    conf: (dir, kept) => ({
      ...bridge(dir),
      layout: kept ? 'routed' : 'bridge',
      ipMasq: true,
      ...limits,
      ...ports(kept),
    }),
  },
  {
    title: 'cnikit, with network policy and foreign source addresses',
    plugin: 'cnikit',
    conf: (dir) => ({
      ...bridge(dir),
      layout: 'routed',
      policy: { socket: POLICY_SOCKET },
      foreignSourceNamespaces: ['default'],
      runtimeConfig: {
        'io.kubernetes.cri.pod-annotations': { 'cnikit.io/foreign-source-addresses': 'true' },
      },
    }),
    args: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web',
  },
  { title: 'bridge', plugin: 'bridge', conf: (dir) => ({ ...bridge(dir), hairpinMode: true }) },
  {
    title: 'bridge, masqueraded and checked for spoofing',
    plugin: 'bridge',
    conf: (dir) => ({
      ...bridge(dir),
      ipMasq: true,
      macspoofchk: true,
      macFromAddress: true,
      routerSolicitations: false,
    }),
  },
  { title: 'ptp', plugin: 'ptp', conf: ptp },
  {
    title: 'ptp, masqueraded by iptables',
    plugin: 'ptp',
    conf: (dir) => ({ ...ptp(dir), ipMasq: true, ipMasqBackend: 'iptables' }),
  },
  { title: 'portmap', plugin: 'portmap', conf: (_, kept) => ports(kept), chained: true, fresh: true },
  {
    title: 'portmap by iptables',
    plugin: 'portmap',
    conf: (_, kept) => ({ ...ports(kept), backend: 'iptables' }),
    chained: true,
  },
  { title: 'bandwidth', plugin: 'bandwidth', conf: () => limits, chained: true },
  { title: 'loopback', plugin: 'loopback', conf: () => ({}) },
  { title: 'host-local', plugin: 'host-local', conf: (dir) => ({ ipam: ipam(dir) }), fresh: true },
  {
    title: 'tuning',
    plugin: 'tuning',
    conf: (dir) => ({
      dataDir: `${dir}/tuning`,
      mtu: 1400,
      promisc: true,
      sysctl: { 'net.core.somaxconn': '9' },
    }),
    chained: true,
  },
];
