/** The configurations that the crash matrix tries: one line each. */

export interface CrashRow {
  title: string;
  /** The plugin's name. */
  plugin: string;
  /** The configuration, without version and name; folders of state are below `dir`. */
  conf(dir: string): object;
  /** It stands behind another in the list: the pod has an interface, and there is a prevResult. */
  chained?: boolean;
  /** ADD is tried on a node that no pod was on before, too. */
  fresh?: boolean;
  /** Legacy iptables is looked at. */
  iptables?: boolean;
}

const ipam = (dir: string) => ({
  type: 'host-local',
  dataDir: `${dir}/ipam`,
  ranges: [[{ subnet: '10.98.0.0/24' }], [{ subnet: 'fd98::/64' }]],
});
const bridge = (dir: string) => ({ bridge: 'crash0', isDefaultGateway: true, ipam: ipam(dir) });
const limits = { ingressRate: 8000, ingressBurst: 80_000, egressRate: 8000, egressBurst: 80_000 };
const ptp = (dir: string) => ({ ipam: ipam(dir) });

export const crashRows: readonly CrashRow[] = [
  {
    title: 'cnikit, all in one',
    plugin: 'cnikit',
    conf: (dir) => ({ ...bridge(dir), ipMasq: true, ...limits }),
    fresh: true,
  },
  { title: 'bridge', plugin: 'bridge', conf: (dir) => ({ ...bridge(dir), hairpinMode: true }), fresh: true },
  { title: 'bridge, masqueraded', plugin: 'bridge', conf: (dir) => ({ ...bridge(dir), ipMasq: true }) },
  { title: 'ptp', plugin: 'ptp', conf: ptp, fresh: true },
  {
    title: 'ptp, masqueraded by iptables',
    plugin: 'ptp',
    conf: (dir) => ({ ...ptp(dir), ipMasq: true, ipMasqBackend: 'iptables' }),
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
