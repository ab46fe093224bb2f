/** What is done for an attachment once it is in the network: port maps, bandwidth, whatever stands behind in a chain. */
import { type CheckedConfig, type Context, definePlugin, type Plugin, type Result } from '@cnikit/cni-spec';
import type { Link, RtnetlinkConnection } from '@cnikit/netlink';
import type { HostEndRemoval } from '../links/attachment-links.ts';
import type { RemovalPart, TransactionPart } from '../nat/shared-transaction.ts';
import { requiredPrevResult } from './check-state.ts';

/** The node's end of a pod's veth pair. */
export type HostEnd = Pick<Link, 'index' | 'name' | 'mtu'>;

/** Is called with the node's end of a pair when that is in its place and not up yet. */
export type BeforeLinkUp = (route: RtnetlinkConnection, host: HostEnd) => void;

/** As {@link BeforeLinkUp}; gives what it adds to a result. */
export type AddBeforeLinkUp = (...end: Parameters<BeforeLinkUp>) => (result: Result) => Result;

/** What features have a plugin that attaches pods do in the midst of ADD. */
export interface AddHooks {
  beforeLinkUp?: BeforeLinkUp | undefined;
  /** For its own transaction of nftables, if it makes one. */
  rules: readonly TransactionPart[];
}

/** What they have it do in the midst of DEL. */
export interface DelHooks {
  rules: readonly RemovalPart[];
  hostEnd: readonly HostEndRemoval[];
}

/**
 * One thing that is done for attachments, by the verbs of CNI. It is served on its own, as a plugin that stands
 * behind others in a list, and inside `cnikit`, which calls it only when the configuration asks for it.
 */
export interface Feature<S> {
  /** Of its phase in a trace. */
  name: string;
  /** One line for people who run it by hand. */
  about: string;
  /** Keys of CNI_ARGS that it reads. */
  args?: readonly string[];
  /** Its part of the configuration with every default filled in. Throws CniError 7. */
  settings(raw: CheckedConfig): S;
  /** Whether this configuration may have made something that ADD, DEL, CHECK and STATUS have to look at. */
  asked(settings: S): boolean;
  /** Throws CniError 7 for what ADD could not do. Called before anything is made. */
  accept?(settings: S): void;
  /** Adds to what the plugins before it made, and returns the result with what it changed; on failure nothing is left. */
  add(context: Context<S>, result: Result): Result;
  /**
   * ADD in two parts, inside of `cnikit`: what costs less while no packet can pass the host end, and then what it means
   * for the result. Undefined when there is nothing of the kind to do, so that the host end need not wait.
   */
  addBeforeLinkUp?(context: Context<S>): AddBeforeLinkUp | undefined;
  /** ADD inside of `cnikit`, where all of it can go into a transaction of nftables; undefined when it cannot. */
  rules?(context: Context<S>): TransactionPart | undefined;
  /** Takes away what ADD made. Needs no prevResult; what is not there is no error. */
  del(context: Context<S>): void;
  /** DEL inside of `cnikit`, where all of it is rules. */
  removal?(context: Context<S>): RemovalPart;
  /** DEL inside of `cnikit`, where all of it is links. */
  hostEndRemoval?(context: Context<S>): HostEndRemoval;
  /** Throws when what ADD made is not as it was. */
  check(context: Context<S>, prevResult: Result): void;
  /** Takes away what belongs to none of the listed attachments. It is always called, since older configurations may have asked. */
  gc(context: Context<S>): void;
  /** Throws when ADD could not be served now. */
  status?(context: Context<S>): void;
}

/** A plugin that attaches a pod, and lets features have their part in it. */
export interface AttachPlugin<A> extends Plugin<A> {
  addWithFeatures?(context: Context<A>, parts: AddHooks): Result;
  delWithFeatures?(context: Context<A>, parts: DelHooks): void;
}

/** A feature as the plugin of its own that the reference has for it. */
export function featurePlugin<S>(feature: Feature<S>): Plugin<S> {
  const { about, args, status } = feature;
  return definePlugin<S>({
    about,
    optionalEnv: ['CNI_PATH'],
    ...(args === undefined ? {} : { args }),
    config: (raw) => feature.settings(raw),
    add: (context) => feature.add(context, requiredPrevResult(context)),
    del: (context) => feature.del(context),
    check: (context) => feature.check(context, requiredPrevResult(context)),
    gc: (context) => feature.gc(context),
    ...(status === undefined ? {} : { status: (context) => status(context) }),
  });
}
