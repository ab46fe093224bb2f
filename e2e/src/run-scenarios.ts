/** Runs scenarios in order, prints a line for each, and counts the results. */
import type { Context, Need, Scenario, Step } from './context.ts';
import { logOperatorView } from './operator-view.ts';

export interface Selection {
  /** Parts of titles; empty selects all. */
  scenarios: readonly string[];
  /** Selects only scenarios that depend on kube-proxy's mode. */
  proxyOnly: boolean;
}

export interface Counts {
  passed: number;
  failed: number;
  leftOut: number;
  known: number;
}

/** Makes all agents run with other manifests: those of a folder, or if absent, those that they were installed with. */
export type RollOut = (context: Context, folder: string | undefined) => void | Promise<void>;

/**
 * Runs all selected scenarios; after the failure of an essential one the rest is left out. Agents get other manifests
 * only if the next scenario needs others than the last one.
 */
export async function runScenarios(
  steps: readonly Step[],
  context: Context,
  selection: Selection,
  rollOut: RollOut,
): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, leftOut: 0, known: 0 };
  let broken: string | undefined;
  let folder: string | undefined;
  for (const step of steps) {
    const selected = [step].flat().filter((scenario) => {
      const reason = broken ?? reasonToLeaveOut(scenario, context, selection);
      if (reason !== undefined) {
        console.log(`left out       ${scenario.title}: ${reason}`);
        counts.leftOut++;
      }
      return reason === undefined;
    });
    const change = async (): Promise<void> => {
      const wanted = selected[0]?.manifests?.(context);
      if (wanted !== folder) {
        folder = wanted;
        await rollOut(context, wanted);
      }
    };
    let changed: Promise<void> | undefined;
    const run = async (scenario: Scenario): Promise<void> => {
      changed ??= change();
      const result = await runScenario(scenario, context, changed);
      counts[result]++;
      if (result === 'failed' && scenario.essential) {
        broken = 'a scenario failed that all later ones need';
      }
    };
    await Promise.all(selected.map(run));
  }
  return counts;
}

async function runScenario(
  scenario: Scenario,
  context: Context,
  prepared: Promise<void>,
): Promise<'passed' | 'failed' | 'known'> {
  const { title } = scenario;
  const started = Date.now();
  const known = scenario.known?.(context);
  const line = (result: string, message = ''): void =>
    console.log(`${result.padEnd(5)} ${seconds(started).padStart(7)}  ${title}${message && `: ${message}`}`);
  try {
    await prepared;
    const summary = await scenario.run(context);
    if (known !== undefined) {
      line('FAIL', `passed, but was known to fail (${known}); remove the note`);
      return 'failed';
    }
    line('ok', summary);
    if (scenario.fault) {
      logOperatorView(context.cluster, 'after the fault');
    }
    return 'passed';
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (known !== undefined) {
      line('known', `${known} (${message.split('\n')[0]})`);
      return 'known';
    }
    line('FAIL', message);
    logOperatorView(context.cluster, 'after the failure');
    return 'failed';
  }
}

function reasonToLeaveOut(
  { title, needs = [], essential, dependsOnProxy }: Scenario,
  context: Context,
  { scenarios, proxyOnly }: Selection,
): string | undefined {
  const lacking = needs.map((need) => reasonOf(need, context)).find((reason) => reason !== undefined);
  if (lacking !== undefined) {
    return lacking;
  }
  if (essential) {
    return undefined;
  }
  if (proxyOnly && !dependsOnProxy) {
    return "does not depend on kube-proxy's mode";
  }
  if (scenarios.length > 0 && !scenarios.some((text) => title.includes(text))) {
    return 'not selected';
  }
  return undefined;
}

/** Returns why the cluster does not meet a requirement; undefined when it does. */
function reasonOf(need: Need, { cluster }: Context): string | undefined {
  switch (need) {
    case 'machines':
      return cluster.machines ? undefined : 'needs the nodes as machines';
    case 'service proxy':
      return cluster.proxy ? undefined : 'kube-system has no kube-proxy';
    case 'cluster DNS':
      return needsMinor(cluster.minor, 21, 'the manifest of CoreDNS');
    case 'status patches':
      return needsMinor(cluster.minor, 24, 'kubectl patch --subresource');
    case 'nftables proxy':
      return needsMinor(cluster.minor, 33, 'nftables mode of kube-proxy');
    case 'user namespaces':
      return needsMinor(cluster.minor, 33, 'hostUsers: false');
    case 'sidecars':
      return needsMinor(cluster.minor, 29, 'native sidecars');
    case 'patches of kustomize':
      return needsMinor(cluster.minor, 21, 'the field patches of kustomize in kubectl');
  }
}

function needsMinor(minor: number, first: number, feature: string): string | undefined {
  return minor >= first ? undefined : `${feature} needs Kubernetes 1.${first} or newer, this is 1.${minor}`;
}

export function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
