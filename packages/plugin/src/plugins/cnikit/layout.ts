/** The two layouts of `cnikit`: pods on a bridge, or a route to each pod. */
import {
  type CheckedConfig,
  CniError,
  type Context,
  ErrorCode,
  lacksKeys,
  normaliseKeys,
} from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { AttachPlugin, DelHooks } from '../../attachment/feature.ts';
import { explain } from '../../explain.ts';
import { isLayoutConf, layoutConfKeys } from '../../guards.ts';
import { openIpam } from '../../ipam/ipam.ts';
import { bridgePlugin } from '../bridge/plugin.ts';
import { collectWithSpoofChecks } from '../bridge/removal.ts';
import { type BridgeSettings, bridgeSettings, bridgeSettingsForDel } from '../bridge/settings.ts';
import { addRouted } from '../routed/add.ts';
import { answersForPods, stopAnswering } from '../routed/bridge-proxy.ts';
import { checkRouted } from '../routed/check.ts';
import type { RoutedSettings } from '../routed/foreign-sources.ts';

/** The settings of the bridge. With `isRouted`, its name is that of the bridge of earlier pods. */
export interface LayoutSettings extends RoutedSettings {
  isRouted: boolean;
}

/**
 * Returns a plugin that attaches pods by the layout of the configuration. DEL, CHECK and GC accept pods of both layouts,
 * because the configuration may have had the other one at ADD.
 */
export function layoutPlugin(sys: Sys): AttachPlugin<LayoutSettings> {
  const bridge = bridgePlugin(sys);
  const del = (context: Context<LayoutSettings>, hooks: DelHooks): void => {
    const { bridge: name } = context.conf;
    // Without a result the pod may be routed: the layout can have changed since. Its addresses are costly to find.
    if (context.prevResult === undefined ? answersForPods(sys, name) : !isOnBridge(context, false)) {
      // Before another pod can have the addresses.
      stopAnswering(sys, name, addressesOf(sys, context));
    }
    bridge.delWithFeatures?.(context, hooks);
  };
  return {
    ...bridge,
    config: layoutSettings,
    configForDel: (raw) => withLayout(bridgeSettingsForDel(raw), isRoutedConf(raw)),
    add: (context) => (context.conf.isRouted ? addRouted(sys, context) : bridge.add!(context)),
    addWithFeatures: (context, hooks) =>
      context.conf.isRouted ? addRouted(sys, context, hooks) : bridge.addWithFeatures!(context, hooks),
    del: (context) => del(context, { rules: [], hostEnd: [] }),
    delWithFeatures: del,
    check(context) {
      if (isOnBridge(context, false)) {
        bridge.check?.(context);
      } else {
        checkRouted(sys, context);
      }
    },
    gc(context) {
      stopAnswering(sys, context.conf.bridge, openIpam(sys, context)?.stale?.() ?? []);
      collectWithSpoofChecks(sys, context);
    },
  };
}

function isRoutedConf(raw: CheckedConfig): boolean {
  const { layout } = normaliseKeys(raw, layoutConfKeys) as CheckedConfig;
  return layout === 'routed';
}

/** Returns true when the result of ADD lists the bridge, and `unknown` without a result. */
export function isOnBridge({ conf, prevResult }: Context<BridgeSettings>, unknown: boolean): boolean {
  return prevResult?.interfaces?.some(({ name, sandbox }) => !sandbox && name === conf.bridge) ?? unknown;
}

function addressesOf(sys: Sys, context: Context<LayoutSettings>): { address: string }[] {
  return (
    context.prevResult?.ips ??
    openIpam(sys, context)
      ?.reserved?.()
      .map((address) => ({ address })) ??
    []
  );
}

/** Fields that need a bridge. */
const OF_BRIDGE = ['vlan', 'vlanTrunk', 'macspoofchk', 'disableContainerInterface'] as const;

/**
 * Checks the configuration and fills in defaults.
 *
 * @throws {CniError} 7 naming the field and the expected value
 */
export function layoutSettings(raw: CheckedConfig): LayoutSettings {
  const bridge = bridgeSettings(raw);
  if (lacksKeys(raw, layoutConfKeys)) {
    return withLayout(bridge, false);
  }
  const conf = normaliseKeys(raw, layoutConfKeys);
  if (!isLayoutConf(conf)) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, 'Invalid configuration', explain('layoutConf', conf));
  }
  const isRouted = conf.layout === 'routed';
  const wanted = isRouted ? OF_BRIDGE.find((field) => isSet(bridge[field])) : undefined;
  if (wanted !== undefined) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Field ${wanted} needs a bridge, and layout is "routed"`,
      `Remove ${wanted}, or set layout to "bridge"`,
    );
  }
  return withLayout(bridge, isRouted, conf.foreignSourceNamespaces);
}

function withLayout(
  bridge: BridgeSettings,
  isRouted: boolean,
  foreignSourceNamespaces: readonly string[] = [],
): LayoutSettings {
  const settings = bridge as LayoutSettings;
  settings.isRouted = isRouted;
  settings.foreignSourceNamespaces = foreignSourceNamespaces;
  return settings;
}

function isSet(value: number | boolean | readonly unknown[]): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
