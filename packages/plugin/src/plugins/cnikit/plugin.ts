import type { Plugin } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { Feature } from '../../attachment/feature.ts';
import { bandwidthFeature } from '../bandwidth/feature.ts';
import { bridgePlugin } from '../bridge/plugin.ts';
import type { BridgeSettings } from '../bridge/settings.ts';
import { portmapFeature } from '../portmap/feature.ts';
import { agentFeature } from './agent-feature.ts';
import { type ChainSettings, combinedPlugin } from './combined-plugin.ts';

/** `cnikit`: a bridge, and the features that the reference has as plugins of a list behind it, in their order there. */
export function cnikitPlugin(sys: Sys): Plugin<ChainSettings<BridgeSettings>> {
  const features: readonly Feature<unknown>[] = [
    portmapFeature(sys),
    bandwidthFeature(sys, true),
    agentFeature(sys),
  ];
  const about = 'cnikit: bridge, host-local addresses and what a list adds to them, in one process';
  return combinedPlugin(about, bridgePlugin(sys), features);
}
