/** Counters and gauges, and their Prometheus text. */

interface Metric {
  type: 'counter' | 'gauge';
  help: string;
  value: number;
}

const definitions = {
  routes: ['gauge', 'Routes to other nodes that the agent has in the kernel'],
  nodes: ['gauge', 'Nodes known from the API'],
  changes: ['counter', 'Changes made to routes, rules, sysctls and files'],
  resyncs: ['counter', 'Complete passes'],
  resync_seconds: ['gauge', 'Duration of the last complete pass'],
  kernel_overflows: ['counter', 'Times that kernel events were lost'],
  api_restarts: ['counter', 'Times that the list and watch of Nodes had to start anew'],
  api_stale_since_seconds: ['gauge', 'Unix time since which the API has not been heard, 0 while it is'],
} as const;

export type MetricName = keyof typeof definitions;

export class Metrics {
  readonly #metrics = new Map<string, Metric>(
    Object.entries(definitions).map(([name, [type, help]]) => [name, { type, help, value: 0 }]),
  );

  set(name: MetricName, value: number): void {
    this.#metrics.get(name)!.value = value;
  }

  add(name: MetricName, by = 1): void {
    this.#metrics.get(name)!.value += by;
  }

  get(name: MetricName): number {
    return this.#metrics.get(name)!.value;
  }

  /** Prometheus text exposition format 0.0.4. */
  text(): string {
    return [...this.#metrics]
      .map(([name, { type, help, value }]) => {
        const full = `cnikit_agent_${name}${type === 'counter' ? '_total' : ''}`;
        return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${full} ${value}\n`;
      })
      .join('');
  }
}
