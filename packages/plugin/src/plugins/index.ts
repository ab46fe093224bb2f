/** The plugins by name: one executable serves them all. */
import { dispatch, type Plugin, type PluginIo, type PluginOutput } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { featurePlugin } from '../attachment/feature.ts';
import { logged } from '../logging/logged.ts';
import { repeatedAfterRestore } from '../records/restore-stamp.ts';
import { bandwidthFeature } from './bandwidth/feature.ts';
import { bridgePlugin } from './bridge/plugin.ts';
import { cnikitPlugin } from './cnikit/plugin.ts';
import { hostLocalPlugin } from './host-local/plugin.ts';
import { loopbackPlugin } from './loopback/plugin.ts';
import { portmapFeature } from './portmap/feature.ts';
import { ptpPlugin } from './ptp/plugin.ts';
import { tuningPlugin } from './tuning/plugin.ts';

/** Runs one invocation of a plugin. */
export type Run = (io: PluginIo) => PluginOutput;

/** Plugins by their upstream names. */
export type Plugins = ReadonlyMap<string, Run>;

const DEFAULT = 'cnikit';

/** Returns all plugins, with `sys` as their kernel. */
export function plugins(sys: Sys): Plugins {
  const all: Record<string, Run> = {
    cnikit: running(cnikitPlugin(sys)),
    bridge: running(bridgePlugin(sys)),
    ptp: running(ptpPlugin(sys)),
    loopback: running(loopbackPlugin(sys)),
    'host-local': running(hostLocalPlugin(sys)),
    tuning: running(tuningPlugin(sys)),
    portmap: running(featurePlugin(portmapFeature(sys))),
    bandwidth: running(featurePlugin(bandwidthFeature(sys))),
  };
  return new Map(
    Object.entries(all).map(([name, run]) => [name, logged(sys, name, repeatedAfterRestore(sys, run))]),
  );
}

/** Returns the plugin named by the last component of a program's path; `cnikit` for an unknown name. */
export function pluginFor(all: Plugins, program: string): Run {
  const run = all.get(program.slice(program.lastIndexOf('/') + 1)) ?? all.get(DEFAULT);
  if (run === undefined) {
    throw new TypeError(`Plugin ${DEFAULT} is missing`);
  }
  return run;
}

function running<T>(plugin: Plugin<T>): Run {
  return (io) => dispatch(plugin, io);
}
