/** Metrics and their Prometheus text. The usual library needs 12 MB of a process that has 90. */
import { version } from './version.ts';

type Kind = 'counter' | 'gauge' | 'histogram';

/** Upper bounds in seconds: from a node event to a first pass over 5,000 nodes on a slow machine. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const definitions = {
  build_info: ['gauge', 'Always 1; the version is in the label'],
  ready: ['gauge', '1 while new pods get a network, as in readiness.json'],
  routes: ['gauge', 'Routes to other nodes that the agent has in the kernel'],
  routes_desired: ['gauge', 'Routes to other nodes that there should be'],
  nodes: ['gauge', 'Nodes known from the API'],
  problems: ['gauge', 'Problems that stand, by what they are about'],
  changes: ['counter', 'Changes made to routes, rules, sysctls and files, by kind'],
  drift_repairs: ['counter', 'Changes that repair what another program changed'],
  resyncs: ['counter', 'Complete passes'],
  sync_duration_seconds: ['histogram', 'How long a pass took: complete, or of what an event concerns'],
  leak_collector_active: ['gauge', '0 while no container runtime runs, so that nothing is released'],
  leaks_found: ['counter', 'Leaked addresses and links older than the grace period, by kind'],
  leaks_released: ['counter', 'Of these, what was released'],
  leak_failures: ['counter', 'Attempts to release that failed'],
  pods_restored: ['counter', 'Pods whose links or rules another program removed and the agent restored'],
  ipam_addresses: ['gauge', 'Pod addresses of this node, by range and state: used or free'],
  pods: ['gauge', 'Running pods of this node by layout: bridge or routed'],
  events_sent: ['counter', 'Kubernetes Events about this node'],
  kernel_overflows: ['counter', 'Times that kernel events were lost'],
  watch_restarts: ['counter', 'Times that the watch of Nodes ended other than by its timeout'],
  policy_generation: [
    'gauge',
    'Transactions of the table of NetworkPolicies since the start, as of the last success',
  ],
  policy_transactions: ['counter', 'Transactions of the table of NetworkPolicies'],
  policy_failures: ['counter', 'Attempts to program NetworkPolicies that failed'],
  policy_sync_duration_seconds: [
    'histogram',
    'From an event that concerns NetworkPolicies to the rules in the kernel',
  ],
  policy_closed_pods: [
    'gauge',
    'Pods of this node that are closed because their rules are not programmed yet',
  ],
  policy_cut_connections: ['counter', 'Connections that ended because policies deny them now'],
  api_staleness_seconds: ['gauge', 'How long the API has not been heard, 0 while it is'],
} as const satisfies Record<string, readonly [Kind, string]>;

export type MetricName = keyof typeof definitions;
export type Labels = Readonly<Record<string, string>>;

interface Series {
  labels: Labels;
  value: number;
  /** Number of observations per bucket of a histogram, not cumulated. `value` is their sum. */
  buckets?: number[];
}

/** Returns the names in the exposition, without the suffixes of histograms. */
export const metricNames = (): string[] => [
  ...Object.keys(definitions).map((name) => fullName(name as MetricName)),
  ...Object.keys(processMetrics()),
];

export class Metrics {
  readonly #series = new Map<MetricName, Map<string, Series>>();
  readonly #scraped: Array<(now: number) => void> = [];

  constructor() {
    this.set('build_info', 1, { version });
    this.set('ready', 0);
  }

  set(name: MetricName, value: number, labels: Labels = NO_LABELS): void {
    this.#at(name, labels).value = value;
  }

  add(name: MetricName, by = 1, labels: Labels = NO_LABELS): void {
    this.#at(name, labels).value += by;
  }

  /** Adds a duration in seconds to a histogram. */
  observe(name: MetricName, seconds: number, labels: Labels = NO_LABELS): void {
    const series = this.#at(name, labels);
    series.buckets ??= new Array<number>(BUCKETS.length + 1).fill(0);
    const at = BUCKETS.findIndex((bound) => seconds <= bound);
    series.buckets[at < 0 ? BUCKETS.length : at]!++;
    series.value += seconds;
  }

  /** Returns the value of one series, or without labels the sum of all. */
  get(name: MetricName, labels?: Labels): number {
    const all = this.#series.get(name);
    if (labels !== undefined) {
      return all?.get(key(labels))?.value ?? 0;
    }
    return [...(all?.values() ?? [])].reduce((sum, { value }) => sum + value, 0);
  }

  /** Removes all series of a gauge, before it is set again as a whole. */
  clear(name: MetricName): void {
    this.#series.delete(name);
  }

  /** Calls `body` before each exposition, with the time in ms since the epoch, to compute values on demand. */
  onScrape(body: (now: number) => void): void {
    this.#scraped.push(body);
  }

  /** Returns the Prometheus text exposition format 0.0.4. */
  text(now = Date.now()): string {
    for (const body of this.#scraped) {
      body(now);
    }
    const own = (Object.keys(definitions) as MetricName[]).map((name) => this.#textOf(name));
    const process = Object.entries(processMetrics()).map(
      ([name, [kind, help, value]]) => `${head(name, kind, help)}${name} ${value}\n`,
    );
    return [...own, ...process].join('');
  }

  #textOf(name: MetricName): string {
    const [kind, help] = definitions[name];
    const full = fullName(name);
    const series = [...(this.#series.get(name)?.values() ?? [])];
    if (series.length === 0 && kind === 'counter') {
      series.push({ labels: {}, value: 0 });
    }
    const lines = series.flatMap((each) =>
      kind === 'histogram' ? histogram(full, each) : [sample(full, each.labels, each.value)],
    );
    return `${head(full, kind, help)}${lines.join('')}`;
  }

  #at(name: MetricName, labels: Labels): Series {
    const all = this.#series.get(name) ?? new Map<string, Series>();
    this.#series.set(name, all);
    const series = all.get(key(labels)) ?? { labels, value: 0 };
    all.set(key(labels), series);
    return series;
  }
}

/** Shared by most series: some are set for each of thousands of nodes. */
const NO_LABELS: Labels = {};
const key = (labels: Labels): string =>
  labels === NO_LABELS ? '[]' : JSON.stringify(Object.entries(labels).sort());

function fullName(name: MetricName): string {
  return `cnikit_agent_${name}${definitions[name][0] === 'counter' ? '_total' : ''}`;
}

function head(name: string, kind: Kind, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
}

function sample(name: string, labels: Labels, value: number): string {
  const escaped = (text: string): string =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

function histogram(name: string, { labels, value, buckets = [] }: Series): string[] {
  let count = 0;
  const lines = buckets.map((inside, i) => {
    count += inside;
    return sample(`${name}_bucket`, { ...labels, le: String(BUCKETS[i] ?? '+Inf') }, count);
  });
  return [...lines, sample(`${name}_sum`, labels, value), sample(`${name}_count`, labels, count)];
}

/** Metrics of this process, with the names of every Prometheus client library. */
function processMetrics(): Record<string, [Kind, string, number]> {
  const { user, system } = process.cpuUsage();
  return {
    process_cpu_seconds_total: ['counter', 'User and system CPU time', (user + system) / 1e6],
    process_resident_memory_bytes: ['gauge', 'Resident memory', process.memoryUsage.rss()],
    process_start_time_seconds: ['gauge', 'Unix time of the start', performance.timeOrigin / 1000],
  };
}
