/** Command line of `npm run e2e`. */
import { parseArgs } from 'node:util';
import type { Layout } from './context.ts';
import { FAMILIES, type Family, RELEASES, type Release } from './kubelab.ts';

export interface Options {
  command: 'run' | 'down' | 'help';
  release: Release;
  proxy: string;
  family: Family;
  /** Layout of pods; undefined: the agent's default. */
  layout?: Layout | undefined;
  /** Parts of titles: only these scenarios and the essential ones run. */
  scenarios: string[];
  /** Only scenarios that depend on kube-proxy's mode run. */
  proxyOnly: boolean;
  keep: boolean;
  kubeconfig?: string | undefined;
  podImage: string;
}

export const HELP = `Usage: npm run e2e -- [OPTION...]    run the scenarios on a cluster that this machine starts (needs root)
       npm run e2e -- down           remove the cluster of the last run

  --kubernetes RELEASE  newest (1.37, default) or oldest (1.20)
  --proxy MODE          mode of kube-proxy: nftables (default of newest) or iptables (default of oldest)
  --family FAMILY       addresses of API server, nodes, pods and Services: dual (default), ipv4 or ipv6
  --layout LAYOUT       layout of pods: bridge or routed (default: that of the agent)
  --proxy-only          run only the scenarios that depend on kube-proxy's mode
  --scenario TEXT       run only scenarios with TEXT in their title, and those that all others need; repeatable
  --keep                leave the cluster running, and print how to inspect it
  --kubeconfig FILE     use an existing cluster; scenarios that need access to the nodes are left out
  --pod-image IMAGE     image of the pods on an existing cluster (default: busybox:1)
  -h, --help            print this help

Environment:
  CNIKIT_KUBELAB_DIST   folder with packed programs of the cluster; without one they are compiled, once
  CNIKIT_E2E_STATE      folder for programs and the running cluster (default: .cache/e2e of the repository)

Exit status: 0 all scenarios passed, 1 a scenario failed, 2 wrong usage, 77 this machine cannot run it.`;

/** @throws {Error} when an argument is unknown or has an invalid value */
export function parseOptions(argv: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      kubernetes: { type: 'string', default: 'newest' },
      proxy: { type: 'string' },
      family: { type: 'string', default: 'dual' },
      layout: { type: 'string' },
      'proxy-only': { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true, default: [] },
      keep: { type: 'boolean', default: false },
      kubeconfig: { type: 'string' },
      'pod-image': { type: 'string', default: 'busybox:1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const release = values.kubernetes;
  if (!isRelease(release)) {
    throw new Error(
      `Invalid --kubernetes ${JSON.stringify(release)}: expected ${Object.keys(RELEASES).join(' or ')}`,
    );
  }
  const modes = release === 'newest' ? ['nftables', 'iptables'] : ['iptables'];
  const proxy = values.proxy ?? modes[0]!;
  if (!modes.includes(proxy)) {
    throw new Error(
      `Invalid --proxy ${JSON.stringify(proxy)}: expected ${modes.join(' or ')} with --kubernetes ${release}`,
    );
  }
  const family = FAMILIES.find((one) => one === values.family);
  if (family === undefined) {
    throw new Error(
      `Invalid --family ${JSON.stringify(values.family)}: expected ${FAMILIES.slice(0, -1).join(', ')} or ${FAMILIES.at(-1)}`,
    );
  }
  const { layout } = values;
  if (layout !== undefined && layout !== 'bridge' && layout !== 'routed') {
    throw new Error(`Invalid --layout ${JSON.stringify(layout)}: expected bridge or routed`);
  }
  const [command = 'run', ...rest] = positionals;
  if ((command !== 'run' && command !== 'down') || positionals[0] === 'run' || rest.length > 0) {
    throw new Error(`Unknown argument ${JSON.stringify(positionals.join(' '))}: expected options or "down"`);
  }
  return {
    command: values.help ? 'help' : command,
    release,
    proxy,
    family,
    layout,
    scenarios: values.scenario,
    proxyOnly: values['proxy-only'],
    keep: values.keep,
    kubeconfig: values.kubeconfig,
    podImage: values['pod-image'],
  };
}

function isRelease(name: string): name is Release {
  return Object.hasOwn(RELEASES, name);
}
