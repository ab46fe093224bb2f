import type { Plugin } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { Feature } from '../../attachment/feature.ts';
import { bandwidthFeature } from '../bandwidth/feature.ts';
import { bridgePlugin } from '../bridge/plugin.ts';
import type { BridgeSettings } from '../bridge/settings.ts';
import { portmapFeature } from '../portmap/feature.ts';
import { agentFeature } from './agent-feature.ts';
import { type ChainSettings, combinedPlugin } from './combined-plugin.ts';

/** The plugin `cnikit`: a bridge, and the features that upstream chains after it as plugins, in the same order. */
export function cnikitPlugin(sys: Sys): Plugin<ChainSettings<BridgeSettings>> {
  const features: readonly Feature<unknown>[] = [
    portmapFeature(sys),
    bandwidthFeature(sys, true),
    agentFeature(sys),
  ];
  const about = 'cnikit: bridge, host-local addresses, port maps and bandwidth limits in one process';
  return combinedPlugin(about, bridgePlugin(sys), features);
}
