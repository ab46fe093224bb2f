import { join } from 'node:path';
import { readText } from '../apply/files.ts';
import type { Config } from '../config/config.ts';
import type { Layout } from '../core/model.ts';
import { CONFLIST_NAME } from '../core/names.ts';

/** Fields of the first plugin that say how pods are attached. */
interface PodFields {
  layout?: unknown;
  foreignSourceNamespaces?: unknown;
  macFromAddress?: unknown;
}

function podFields(conflist: string): PodFields {
  const { plugins = [] } = JSON.parse(conflist) as { plugins?: PodFields[] };
  return plugins[0] ?? {};
}

/** Returns the layout of new pods: after a rollback the conflist may be an earlier one. */
export function layoutOf(conflist: string): Layout {
  return podFields(conflist).layout === 'routed' ? 'routed' : 'bridge';
}

/** Returns the namespaces whose pods may ask to send from other source addresses. */
function foreignSourceNamespacesOf(conflist: string): string[] {
  const names = podFields(conflist).foreignSourceNamespaces;
  return Array.isArray(names) ? names.map(String) : [];
}

/**
 * Fills in the layout of pods for commands that report differences. They may run beside the agent without its options, as
 * with `kubectl exec`, so the default is that of the installed conflist.
 */
export function withInstalledLayout(config: Config): Config {
  const conflist = readText(join(config.cniConfDir, CONFLIST_NAME));
  if (conflist === undefined) {
    return config;
  }
  try {
    return {
      ...config,
      layout: config.layout ?? layoutOf(conflist),
      foreignSourceNamespaces: config.foreignSourceNamespaces ?? foreignSourceNamespacesOf(conflist),
      macFromAddress: config.macFromAddress ?? podFields(conflist).macFromAddress === true,
    };
  } catch {
    // Damaged; the report says so.
    return config;
  }
}
