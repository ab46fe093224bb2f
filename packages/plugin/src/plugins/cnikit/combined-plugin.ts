import { type Context, definePlugin, type Plugin, type Result } from '@cnikit/cni-spec';
import type { AttachPlugin, BeforeLinkUp, Feature } from '../../attachment/feature.ts';
import { undoStack } from '../../attachment/undo.ts';
import type { HostEndRemoval } from '../../links/attachment-links.ts';
import type { RemovalPart, TransactionPart } from '../../nat/shared-transaction.ts';

/** The settings of the plugin that attaches pods, and of each feature in list order. */
export interface ChainSettings<A> {
  attaching: A;
  features: readonly unknown[];
}

/**
 * Combines a plugin list into one plugin with one configuration object. The first plugin attaches the pod, the features
 * follow in order, and DEL runs in reverse order. When one fails at ADD, all previous ones are undone.
 */
export function combinedPlugin<A>(
  about: string,
  attaching: AttachPlugin<A>,
  features: readonly Feature<unknown>[],
): Plugin<ChainSettings<A>> {
  type Chain = Context<ChainSettings<A>>;
  const ofAttaching = (context: Chain): Context<A> => ({ ...context, conf: context.conf.attaching });
  const all = ({ conf }: Chain) => features.map((feature, i) => ({ feature, settings: conf.features[i] }));
  const requested = (context: Chain) =>
    all(context).filter(({ feature, settings }) => feature.isRequested(settings));
  const announceRemoval = (context: Chain): void => {
    for (const { feature, settings } of all(context)) {
      feature.beforeRemoval?.({ ...context, conf: settings });
    }
  };
  const args = [...(attaching.args ?? []), ...features.flatMap((feature) => feature.args ?? [])];
  return definePlugin<ChainSettings<A>>({
    about,
    versions: attaching.versions,
    optionalEnv: attaching.optionalEnv ?? [],
    args,
    // The parts require prevResult where they need it.
    checkWithoutPrevResult: true,
    config: (raw) => ({
      attaching: attaching.config(raw),
      features: features.map((feature) => feature.settings(raw)),
    }),
    configForDel: (raw) => ({
      attaching: (attaching.configForDel ?? attaching.config)(raw),
      features: features.map((feature) => (feature.settingsForDel ?? feature.settings)(raw)),
    }),
    add(context) {
      const wanted = requested(context).map(({ feature, settings }) => ({
        feature,
        own: { ...context, conf: settings },
      }));
      for (const { feature, own } of wanted) {
        feature.validate?.(own.conf);
      }
      const undo = undoStack();
      const begun = new Map<Feature<unknown>, (result: Result) => Result>();
      const early = wanted.flatMap(({ feature, own }) => {
        const begin = feature.addBeforeLinkUp?.(own);
        return begin === undefined ? [] : [{ feature, own, begin }];
      });
      const beforeLinkUp: BeforeLinkUp = (route, host) => {
        for (const { feature, own, begin } of early) {
          begun.set(feature, begin(route, host));
          undo.push(() => feature.del(own));
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
          undo.push(() => feature.del(own));
          return joined.change(pod);
        };
        const made: TransactionPart['made'] = (nft, pod) => {
          joined.made(nft, pod);
          begun.set(feature, (result) => result);
        };
        return [{ change, made }];
      });
      const parts = { rules, ...(early.length > 0 ? { beforeLinkUp } : {}) };
      try {
        const attach = early.length > 0 || rules.length > 0 ? attaching.addWithFeatures : undefined;
        let result = attach?.(ofAttaching(context), parts) ?? attaching.add?.(ofAttaching(context)) ?? {};
        undo.push(() => attaching.del?.(ofAttaching(context)));
        for (const { feature, own } of wanted) {
          const finish = begun.get(feature);
          result = finish === undefined ? feature.add(own, result) : finish(result);
          if (finish !== undefined) {
            continue;
          }
          context.mark?.(feature.name);
          undo.push(() => feature.del(own));
        }
        return result;
      } catch (error) {
        undo.run();
        throw error;
      }
    },
    // As in a list, the first error ends DEL: an address must not be free while a host port still leads to it. All features
    // take part, since the configuration may have requested others at ADD.
    del(context) {
      announceRemoval(context);
      const rules: RemovalPart[] = [];
      const hostEnd: HostEndRemoval[] = [];
      for (const { feature, settings } of all(context).reverse()) {
        const own = { ...context, conf: settings };
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
        detach(ofAttaching(context), { rules, hostEnd });
      } else {
        attaching.del?.(ofAttaching(context));
      }
    },
    check(context) {
      attaching.check?.(ofAttaching(context));
      const { prevResult = {} } = context;
      for (const { feature, settings } of requested(context)) {
        feature.check({ ...context, conf: settings }, prevResult);
      }
    },
    gc(context) {
      announceRemoval(context);
      runAll([
        () => attaching.gc?.(ofAttaching(context)),
        ...all(context).map(
          ({ feature, settings }) =>
            () =>
              feature.gc({ ...context, conf: settings }),
        ),
      ]);
    },
    status(context) {
      attaching.status?.(ofAttaching(context));
      for (const { feature, settings } of requested(context)) {
        feature.status?.({ ...context, conf: settings });
      }
    },
  });
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
