import {
  type CheckedConfig,
  type Context,
  definePlugin,
  type KeyTable,
  lacksKeys,
  type Plugin,
  type Result,
} from '@cnikit/cni-spec';
import type { AttachPlugin, BeforeLinkUp, Feature } from '../../attachment/feature.ts';
import { type UndoStep, undoAll } from '../../attachment/undo.ts';
import type { HostEndRemoval } from '../../links/attachment-links.ts';
import type { RemovalPart, TransactionPart } from '../../nat/shared-transaction.ts';

/** A feature and its settings. */
interface Configured {
  feature: Feature<unknown>;
  conf: unknown;
}

/** The settings of the plugin that attaches pods, with the features that take part, in list order. */
export type ChainSettings<A> = A & { features: readonly Configured[] };

/** A feature and its view of the invocation. */
interface Part {
  feature: Feature<unknown>;
  own: Context<unknown>;
}

/**
 * Combines a plugin list into one plugin with one configuration object. The first plugin attaches the pod, the features
 * follow in order, and DEL runs in reverse order. When one fails at ADD, all previous ones are undone.
 *
 * @param attaching its settings are a new object for each invocation
 */
export function combinedPlugin<A extends object>(
  about: string,
  attaching: AttachPlugin<A>,
  features: readonly Feature<unknown>[],
): Plugin<ChainSettings<A>> {
  const keys: KeyTable = Object.assign({}, ...features.map((feature) => feature.keys));
  const args = [...(attaching.args ?? []), ...features.flatMap((feature) => feature.args ?? [])];
  return definePlugin<ChainSettings<A>>({
    about,
    versions: attaching.versions,
    optionalEnv: attaching.optionalEnv ?? [],
    args,
    canonicalResults: attaching.canonicalResults ?? false,
    // The parts require prevResult where they need it.
    checkWithoutPrevResult: true,
    config(raw) {
      const conf = attaching.config(raw);
      return withFeatures(conf, lacksKeys(raw, keys) ? NONE : requested(features, raw));
    },
    // All features take part, since the configuration may have requested others at ADD.
    configForDel(raw) {
      const conf = (attaching.configForDel ?? attaching.config)(raw);
      return withFeatures(
        conf,
        features.map((feature) => ({ feature, conf: (feature.settingsForDel ?? feature.settings)(raw) })),
      );
    },
    add(context) {
      return context.conf.features.length === 0
        ? (attaching.add?.(context) ?? {})
        : addWith(attaching, context, parts(context));
    },
    // As in a list, the first error ends DEL: an address must not be free while a host port still leads to it.
    del(context) {
      const all = parts(context);
      announceRemoval(all);
      const rules: RemovalPart[] = [];
      const hostEnd: HostEndRemoval[] = [];
      for (const { feature, own } of all.reverse()) {
        if (attaching.delWithFeatures && feature.removal) {
          rules.push(feature.removal(own));
        } else if (attaching.delWithFeatures && feature.hostEndRemoval) {
          hostEnd.push(feature.hostEndRemoval(own));
        } else {
          feature.del(own);
          context.mark?.(feature.name);
        }
      }
      const detach = attaching.delWithFeatures;
      if (detach) {
        detach(context, { rules, hostEnd });
      } else {
        attaching.del?.(context);
      }
    },
    check(context) {
      attaching.check?.(context);
      const { prevResult = {} } = context;
      for (const { feature, own } of parts(context)) {
        feature.check(own, prevResult);
      }
    },
    gc(context) {
      const all = parts(context);
      announceRemoval(all);
      runAll([
        () => attaching.gc?.(context),
        ...all.map(
          ({ feature, own }) =>
            () =>
              feature.gc(own),
        ),
      ]);
    },
    status(context) {
      attaching.status?.(context);
      for (const { feature, own } of parts(context)) {
        feature.status?.(own);
      }
    },
  });
}

const NONE: readonly Configured[] = [];

function withFeatures<A extends object>(conf: A, features: readonly Configured[]): ChainSettings<A> {
  const chain = conf as ChainSettings<A>;
  chain.features = features;
  return chain;
}

/** Returns the features that the configuration requests. */
function requested(features: readonly Feature<unknown>[], raw: CheckedConfig): Configured[] {
  return features
    .map((feature) => ({ feature, conf: feature.settings(raw) }))
    .filter(({ feature, conf }) => feature.isRequested(conf));
}

function parts<A>(context: Context<ChainSettings<A>>): Part[] {
  return context.conf.features.map(({ feature, conf }) => ({ feature, own: { ...context, conf } }));
}

/** Runs ADD with at least one feature. */
function addWith<A>(attaching: AttachPlugin<A>, context: Context<A>, wanted: readonly Part[]): Result {
  for (const { feature, own } of wanted) {
    feature.validate?.(own.conf);
  }
  /** Newest first. */
  const undo: UndoStep[] = [];
  const begun = new Map<Feature<unknown>, (result: Result) => Result>();
  const early = wanted.flatMap(({ feature, own }) => {
    const begin = feature.addBeforeLinkUp?.(own);
    return begin === undefined ? [] : [{ feature, own, begin }];
  });
  const beforeLinkUp: BeforeLinkUp = (route, host) => {
    for (const { feature, own, begin } of early) {
      begun.set(feature, begin(route, host));
      undo.unshift(() => feature.del(own));
      context.mark?.(feature.name);
    }
  };
  const rules = wanted.flatMap(({ feature, own }) => {
    // A previous plugin of the list may have given the pod other addresses.
    const joined = context.prevResult === undefined ? feature.rules?.(own) : undefined;
    if (joined === undefined) {
      return [];
    }
    const change: TransactionPart['change'] = (pod) => {
      // A transaction whose reply was lost may have been committed.
      undo.unshift(() => feature.del(own));
      return joined.change(pod);
    };
    const made: TransactionPart['made'] = (nft, pod) => {
      joined.made(nft, pod);
      begun.set(feature, (result) => result);
    };
    return [{ change, made }];
  });
  const hooks = { rules, ...(early.length > 0 ? { beforeLinkUp } : {}) };
  try {
    const attach = early.length > 0 || rules.length > 0 ? attaching.addWithFeatures : undefined;
    let result = attach?.(context, hooks) ?? attaching.add?.(context) ?? {};
    undo.unshift(() => attaching.del?.(context));
    for (const { feature, own } of wanted) {
      const finish = begun.get(feature);
      result = finish === undefined ? feature.add(own, result) : finish(result);
      if (finish !== undefined) {
        continue;
      }
      context.mark?.(feature.name);
      undo.unshift(() => feature.del(own));
    }
    return result;
  } catch (error) {
    undoAll(undo);
    throw error;
  }
}

function announceRemoval(parts: readonly Part[]): void {
  for (const { feature, own } of parts) {
    feature.beforeRemoval?.(own);
  }
}

/** Runs all steps, even after a failure, and throws the first error at the end. */
function runAll(steps: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) {
    throw errors[0];
  }
}
