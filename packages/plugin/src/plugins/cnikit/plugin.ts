import type { Plugin } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { Feature } from '../../attachment/feature.ts';
import { bandwidthFeature } from '../bandwidth/feature.ts';
import { portmapFeature } from '../portmap/feature.ts';
import { agentFeature } from './agent-feature.ts';
import { type ChainSettings, combinedPlugin } from './combined-plugin.ts';
import { type LayoutSettings, layoutPlugin } from './layout.ts';

/** The plugin `cnikit`: a bridge or routed pairs, and the features that upstream chains after it as plugins, in the same order. */
export function cnikitPlugin(sys: Sys): Plugin<ChainSettings<LayoutSettings>> {
  const features: readonly Feature<unknown>[] = [
    portmapFeature(sys),
    bandwidthFeature(sys, true),
    agentFeature(sys),
  ];
  const about =
    'cnikit: bridge or routes, host-local addresses, port maps and bandwidth limits in one process';
  return combinedPlugin(about, layoutPlugin(sys), features);
}
