/** Features of an attachment beyond its interface, such as port maps and bandwidth limits. */

import {
  type CheckedConfig,
  type Context,
  definePlugin,
  type KeyTable,
  type Plugin,
  type Result,
} from '@cnikit/cni-spec';
import type { Link } from '@cnikit/netlink';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { HostEndRemoval } from '../links/attachment-links.ts';
import type { RemovalPart, TransactionPart } from '../nat/shared-transaction.ts';
import { requiredPrevResult } from './check-state.ts';

/** The node's end of a pod's veth pair. */
export type HostEnd = Pick<Link, 'index' | 'name' | 'mtu'> & { group?: number | undefined };

/** Receives the node's end of a pair when it is a port of the bridge, before it is up. */
export type BeforeLinkUp = (route: RtnetlinkCore, host: HostEnd) => void;

/** As {@link BeforeLinkUp}; returns a function that adds to the result. */
export type AddBeforeLinkUp = (...end: Parameters<BeforeLinkUp>) => (result: Result) => Result;

/** Work of features inside ADD of a plugin that attaches pods. */
export interface AddHooks {
  beforeLinkUp?: BeforeLinkUp | undefined;
  /** Parts of the plugin's nftables transaction, if it makes one. */
  rules: readonly TransactionPart[];
}

/** Work of features inside DEL of a plugin that attaches pods. */
export interface DelHooks {
  rules: readonly RemovalPart[];
  hostEnd: readonly HostEndRemoval[];
}

/**
 * One feature of an attachment, as CNI verbs. It is both a separate plugin, chained after others, and a part of
 * `cnikit`, which calls it only when the configuration requests it.
 */
export interface Feature<S> {
  /** Name of its phase in a trace. */
  name: string;
  /** One line for people who run the executable manually. */
  about: string;
  /** Keys of CNI_ARGS that the feature reads. */
  args?: readonly string[];
  /** Keys of the configuration that the feature reads: without any, its settings are valid and request nothing. */
  keys: KeyTable;
  /**
   * Returns the feature's part of the configuration with all defaults filled in.
   *
   * @throws {CniError} 7 when the configuration is invalid
   */
  settings(raw: CheckedConfig): S;
  /**
   * Returns the settings for DEL and GC, which ignores fields that have become invalid since ADD.
   *
   * @default `settings`
   */
  settingsForDel?(raw: CheckedConfig): S;
  /** Returns true when ADD, CHECK and STATUS have work to do for this configuration. */
  isRequested(settings: S): boolean;
  /**
   * Checks settings that only ADD needs, before ADD changes anything.
   *
   * @throws {CniError} when ADD would fail
   */
  validate?(settings: S): void;
  /** Extends the work of the previous plugins and returns the extended result. On failure it leaves nothing behind. */
  add(context: Context<S>, result: Result): Result;
  /**
   * Runs ADD inside `cnikit` in two parts: work that is cheaper before packets can pass the host end, then the change of
   * the result. Returns undefined when there is no such work, so that the host end is created up.
   */
  addBeforeLinkUp?(context: Context<S>): AddBeforeLinkUp | undefined;
  /** ADD inside `cnikit`, when it is only a part of an nftables transaction; undefined otherwise. */
  rules?(context: Context<S>): TransactionPart | undefined;
  /**
   * Runs first in DEL and GC inside `cnikit`, while the addresses are still reserved. Never throws, because DEL must free
   * the addresses.
   */
  beforeRemoval?(context: Context<S>): void;
  /**
   * Removes the objects of ADD. Needs no prevResult, and ignores objects that do not exist. Always called: the configuration
   * may have changed since ADD.
   */
  del(context: Context<S>): void;
  /** DEL inside `cnikit`, for a feature that has only rules. */
  removal?(context: Context<S>): RemovalPart;
  /** DEL inside `cnikit`, for a feature that has only links. */
  hostEndRemoval?(context: Context<S>): HostEndRemoval;
  /** Throws when the objects of ADD have changed. */
  check(context: Context<S>, prevResult: Result): void;
  /** Removes the objects of attachments that are not listed. Always called: the configuration may have changed. */
  gc(context: Context<S>): void;
  /** Throws when ADD would fail now. */
  status?(context: Context<S>): void;
}

/** A plugin that attaches pods and includes the work of features in its own. */
export interface AttachPlugin<A> extends Plugin<A> {
  addWithFeatures?(context: Context<A>, parts: AddHooks): Result;
  delWithFeatures?(context: Context<A>, parts: DelHooks): void;
}

/** Returns the plugin for one feature, as upstream has it. */
export function featurePlugin<S>(feature: Feature<S>): Plugin<S> {
  const { about, args, settingsForDel, status } = feature;
  return definePlugin<S>({
    about,
    optionalEnv: ['CNI_PATH'],
    args,
    canonicalResults: true,
    config: (raw) => feature.settings(raw),
    configForDel: settingsForDel && ((raw) => settingsForDel(raw)),
    add: (context) => feature.add(context, requiredPrevResult(context)),
    del: (context) => feature.del(context),
    check: (context) => feature.check(context, requiredPrevResult(context)),
    gc: (context) => feature.gc(context),
    ...(status === undefined ? {} : { status: (context) => status(context) }),
  });
}
