/** Functions of `cnikit restore` for each plugin. Each runs as a CHECK that repairs. */
import {
  type CheckedConfig,
  type Context,
  definePlugin,
  dispatch,
  type PluginIo,
  type PluginOutput,
  type Result,
} from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { requiredPrevResult } from '../attachment/check-state.ts';
import { BRIDGE_ARGS, type BridgeSettings, bridgeSettings } from '../plugins/bridge/settings.ts';
import { isOnBridge, type LayoutSettings, layoutSettings } from '../plugins/cnikit/layout.ts';
import { restorePorts } from '../plugins/portmap/feature.ts';
import { type PortmapSettings, portmapSettings } from '../plugins/portmap/settings.ts';
import { type PtpSettings, ptpSettings } from '../plugins/ptp/settings.ts';
import { type RestoredPart, restoreMasquerade, restorePort, restoreSpoofCheck } from './restore-bridge.ts';
import { restoreRoutes, restoreSourceGuard } from './restore-routed.ts';

/** Restores what a plugin made for an attachment, and adds the restored parts to `restored`. */
export type Restorer = (io: PluginIo, restored: RestoredPart[]) => PluginOutput;

/** Restores one part of an attachment. Returns what it restored. */
type Step<S> = (context: Context<S>, prevResult: Result) => RestoredPart[];

interface Combined {
  bridge: LayoutSettings;
  ports: PortmapSettings;
}

/** Returns a step of `cnikit` for pods that are, or are not, on a bridge. */
const where =
  (onBridge: boolean) =>
  (step: Step<LayoutSettings>): Step<Combined> =>
  (context, prevResult) => {
    const own = { ...context, conf: context.conf.bridge };
    return isOnBridge(own, true) === onBridge ? step(own, prevResult) : [];
  };

/** Returns the restorers by the plugin's type. Plugins without rules or ports of a bridge have none. */
export function restorers(sys: Sys): ReadonlyMap<string, Restorer> {
  const bridge: Step<BridgeSettings>[] = [
    (...pod) => restorePort(sys, ...pod),
    (...pod) => restoreSpoofCheck(sys, ...pod),
    (...pod) => restoreMasquerade(sys, ...pod),
  ];
  const ports: Step<PortmapSettings> = (...pod) => (restorePorts(sys, ...pod) ? ['host ports'] : []);
  const routed: Step<LayoutSettings>[] = [
    (...pod) => restoreRoutes(sys, ...pod),
    (context) => restoreSourceGuard(sys, context),
    (...pod) => restoreMasquerade(sys, ...pod),
  ];
  const combined: Step<Combined>[] = [
    ...bridge.map(where(true)),
    ...routed.map(where(false)),
    (context, prevResult) => ports({ ...context, conf: context.conf.ports }, prevResult),
  ];
  return new Map<string, Restorer>([
    ['cnikit', restorer((raw) => ({ bridge: layoutSettings(raw), ports: portmapSettings(raw) }), combined)],
    ['bridge', restorer(bridgeSettings, bridge)],
    ['ptp', restorer<PtpSettings>(ptpSettings, [(...pod) => restoreMasquerade(sys, ...pod)])],
    ['portmap', restorer(portmapSettings, [ports])],
  ]);
}

/** Runs all steps, even after a failure, and throws the first error at the end. */
function restorer<S>(config: (raw: CheckedConfig) => S, steps: readonly Step<S>[]): Restorer {
  return (io, restored) => {
    const check = (context: Context<S>): void => {
      const errors: unknown[] = [];
      for (const step of steps) {
        try {
          restored.push(...step(context, requiredPrevResult(context)));
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) {
        throw errors[0];
      }
    };
    return dispatch(
      definePlugin<S>({ about: '', optionalEnv: ['CNI_PATH'], args: [...BRIDGE_ARGS, 'IP'], config, check }),
      io,
    );
  };
}
