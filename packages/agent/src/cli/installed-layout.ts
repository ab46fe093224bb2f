import { join } from 'node:path';
import { readText } from '../apply/files.ts';
import type { Config } from '../config/config.ts';
import type { Layout } from '../core/model.ts';
import { CONFLIST_NAME } from '../core/names.ts';

/** Returns the layout of new pods: after a rollback the conflist may be an earlier one. */
export function layoutOf(conflist: string): Layout {
  const { plugins = [] } = JSON.parse(conflist) as { plugins?: { layout?: string }[] };
  return plugins[0]?.layout === 'routed' ? 'routed' : 'bridge';
}

/**
 * Fills in the layout for commands that report differences. They may run beside the agent without its options, as with
 * `kubectl exec`, so the default is the layout of the installed conflist.
 */
export function withInstalledLayout(config: Config): Config {
  if (config.layout !== undefined) {
    return config;
  }
  const conflist = readText(join(config.cniConfDir, CONFLIST_NAME));
  try {
    return conflist === undefined ? config : { ...config, layout: layoutOf(conflist) };
  } catch {
    // Damaged; the report says so.
    return config;
  }
}
