import { type CheckedConfig, definePlugin, dispatch, type PluginOutput } from '@cnikit/cni-spec';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  type AttachPlugin,
  type BeforeLinkUp,
  type Feature,
  featurePlugin,
} from '../../attachment/feature.ts';
import type { TransactionPart } from '../../nat/shared-transaction.ts';
import type { Change } from '../../nat/transaction.ts';
import { combinedPlugin } from './combined-plugin.ts';

let calls: string[];
/** The step that throws. */
let failing: string | undefined;
beforeEach(() => {
  calls = [];
  failing = undefined;
});

function step(what: string): void {
  calls.push(what);
  if (what === failing) {
    throw new Error(`${what} fails`);
  }
}

/** Notes its calls; asked for by a field of its name. */
function noting(name: string): Feature<{ wanted: boolean }> {
  return {
    name,
    about: name,
    args: [name.toUpperCase()],
    keys: { [name]: null },
    settings: (raw) => ({ wanted: raw[name] !== undefined }),
    isRequested: ({ wanted }) => wanted,
    validate() {
      if (failing === `${name} validate`) {
        step(failing);
      }
    },
    add(_, result) {
      step(`${name} add`);
      return { ...result, routes: [...(result.routes ?? []), { dst: `${calls.length}.0.0.0/8` }] };
    },
    del: () => step(`${name} del`),
    check: () => step(`${name} check`),
    gc: () => step(`${name} gc`),
    status: () => step(`${name} status`),
  };
}

const attaching = definePlugin({
  about: 'attaching',
  args: ['MAC'],
  optionalEnv: ['CNI_PATH'],
  add() {
    step('attach');
    return { ips: [{ address: '10.0.0.2/24' }] };
  },
  del: () => step('detach'),
  check: () => step('check'),
  gc: () => step('gc'),
  status: () => step('status'),
});
const chain = combinedPlugin('chain', attaching, [noting('a'), noting('b'), noting('c')]);

function call(command: string, conf: object, args = '', plugin = chain): PluginOutput {
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: 'c1',
    CNI_IFNAME: 'eth0',
    CNI_NETNS: '/run/netns/x',
    CNI_ARGS: args,
  };
  return dispatch(plugin, {
    env,
    stdin: JSON.stringify({ cniVersion: '1.1.0', name: 'net', prevResult: {}, ...conf }),
  });
}

test.each([
  ['ADD', ['attach', 'a add', 'c add']],
  // The configuration may have requested others at ADD.
  ['DEL', ['c del', 'b del', 'a del', 'detach']],
  ['CHECK', ['check', 'a check', 'c check']],
  ['STATUS', ['status', 'a status', 'c status']],
  // Objects of an older configuration may still exist.
  ['GC', ['gc', 'a gc', 'b gc', 'c gc']],
])('combinedPlugin() runs %s of the requested features in order', (command, expected) => {
  expect(call(command, { a: 1, c: 1, 'cni.dev/valid-attachments': [] }).exitCode).toBe(0);
  expect(calls).toEqual(expected);
});

test('combinedPlugin() reads no settings of features at ADD when the configuration has none of their keys', () => {
  const read: string[] = [];
  const reading = (name: string): Feature<{ wanted: boolean }> => ({
    ...noting(name),
    settings(raw) {
      read.push(name);
      return noting(name).settings(raw);
    },
  });
  const plugin = combinedPlugin('chain', attaching, [reading('a'), reading('b')]);
  expect(call('ADD', { other: 1 }, '', plugin).exitCode).toBe(0);
  expect(read).toEqual([]);
  // A spelling that only the normalisation of keys knows.
  expect(call('ADD', { B: 1 }, '', plugin).exitCode).toBe(0);
  expect(read).toEqual(['a', 'b']);
});

test('combinedPlugin() passes each result to the next feature', () => {
  const { ips, routes } = JSON.parse(call('ADD', { a: 1, b: 1 }).stdout);
  expect(ips).toEqual([{ address: '10.0.0.2/24' }]);
  expect(routes).toEqual([{ dst: '2.0.0.0/8' }, { dst: '3.0.0.0/8' }]);
});

test.each([
  ['attach', ['attach']],
  ['a add', ['attach', 'a add', 'detach']],
  ['c add', ['attach', 'a add', 'b add', 'c add', 'b del', 'a del', 'detach']],
])('combinedPlugin() undoes what was done before %s failed', (what, expected) => {
  failing = what;
  const { exitCode, stdout } = call('ADD', { a: 1, b: 1, c: 1 });
  expect([exitCode, JSON.parse(stdout).msg]).toEqual([1, `${what} fails`]);
  expect(calls).toEqual(expected);
});

describe('combinedPlugin() with a feature that begins before the host end is up', () => {
  /** A host end that the test does not read. */
  const end = [undefined, undefined] as unknown as Parameters<BeforeLinkUp>;
  const early: Feature<{ wanted: boolean }> = {
    ...noting('b'),
    addBeforeLinkUp: ({ conf: { wanted } }) =>
      wanted
        ? () => {
            step('b begins');
            return (result) => ({ ...result, dns: { domain: 'b' } });
          }
        : undefined,
  };
  const withEnd: AttachPlugin<CheckedConfig> = {
    ...attaching,
    addWithFeatures(context, { beforeLinkUp }) {
      step('pair');
      beforeLinkUp?.(...end);
      return attaching.add?.(context) ?? {};
    },
  };
  const run = (conf: object) =>
    call('ADD', conf, '', combinedPlugin('chain', withEnd, [noting('a'), early, noting('c')]));

  test('combinedPlugin() uses the result of a feature that begins before the host end is up', () => {
    expect(JSON.parse(run({ a: 1, b: 1 }).stdout)).toMatchObject({ dns: { domain: 'b' } });
    expect(calls).toEqual(['pair', 'b begins', 'attach', 'a add']);
  });

  test.each([
    ['b begins', ['pair', 'b begins']],
    ['attach', ['pair', 'b begins', 'attach', 'b del']],
    ['c add', ['pair', 'b begins', 'attach', 'a add', 'c add', 'a del', 'detach', 'b del']],
  ])(
    'combinedPlugin() undoes what was done before %s failed, with a feature that begins early',
    (what, expected) => {
      failing = what;
      expect(run({ a: 1, b: 1, c: 1 }).exitCode).toBe(1);
      expect(calls).toEqual(expected);
    },
  );

  test('combinedPlugin() keeps the usual order when no feature begins early', () => {
    expect(run({ a: 1 }).exitCode).toBe(0);
    expect(calls).toEqual(['attach', 'a add']);
  });

  test('combinedPlugin() keeps the usual order when the early feature has nothing to do', () => {
    const idle: Feature<{ wanted: boolean }> = { ...early, addBeforeLinkUp: () => undefined };
    const idleChain = combinedPlugin('chain', withEnd, [noting('a'), idle]);
    expect(call('ADD', { a: 1, b: 1 }, '', idleChain).exitCode).toBe(0);
    expect(calls).toEqual(['attach', 'a add', 'b add']);
  });
});

describe('combinedPlugin() with features whose rules go with those of the attachment', () => {
  const joined: Feature<{ wanted: boolean }> = {
    ...noting('b'),
    rules: ({ conf: { wanted } }) =>
      wanted
        ? { change: () => ({ requests: () => step('b requests') as never }), made: () => step('b made') }
        : undefined,
    removal: () => ({ chains: PORTS, changes: () => [], gone: () => step('b gone') }),
  };
  const linked: Feature<{ wanted: boolean }> = {
    ...noting('c'),
    hostEndRemoval: () => () => {
      step('c links');
      return true;
    },
  };
  const PORTS = { prefix: '', entry: '', comment: '' };
  const nothing = [undefined, undefined] as unknown as Parameters<TransactionPart['made']>;
  const pod = [undefined] as unknown as Parameters<TransactionPart['change']>;
  const transaction = [undefined, 1] as unknown as Parameters<Change['requests']>;
  const withParts: AttachPlugin<CheckedConfig> = {
    ...attaching,
    addWithFeatures(context, { rules }) {
      for (const { change, made } of rules) {
        change(...pod).requests(...transaction);
        made(...nothing);
      }
      return attaching.add?.(context) ?? {};
    },
    delWithFeatures(context, { rules, hostEnd }) {
      for (const { gone } of rules) {
        gone?.();
      }
      for (const remove of hostEnd) {
        remove(undefined as never);
      }
      attaching.del?.(context);
    },
  };
  const run = (command: string, conf: object) =>
    call(command, conf, '', combinedPlugin('chain', withParts, [noting('a'), joined, linked]));

  test('combinedPlugin() leaves rules of features to the attaching plugin in ADD and DEL', () => {
    expect(run('ADD', { a: 1, b: 1, prevResult: undefined }).exitCode).toBe(0);
    expect(calls.splice(0)).toEqual(['b requests', 'b made', 'attach', 'a add']);
    expect(run('DEL', { a: 1, b: 1, c: 1 }).exitCode).toBe(0);
    expect(calls).toEqual(['a del', 'b gone', 'c links', 'detach']);
  });

  test('combinedPlugin() makes rules of features after an ADD with a prevResult, whose addresses may differ', () => {
    expect(run('ADD', { b: 1 }).exitCode).toBe(0);
    expect(calls).toEqual(['attach', 'b add']);
  });

  test.each([
    ['b requests', ['b requests', 'b del']],
    ['b made', ['b requests', 'b made', 'b del']],
    ['attach', ['b requests', 'b made', 'attach', 'b del']],
    ['a add', ['b requests', 'b made', 'attach', 'a add', 'detach', 'b del']],
  ])('combinedPlugin() removes rules of features when %s failed in ADD', (what, expected) => {
    failing = what;
    expect(run('ADD', { a: 1, b: 1, prevResult: undefined }).exitCode).toBe(1);
    expect(calls).toEqual(expected);
  });
});

test.each([
  ['DEL', ['b announces', 'c del', 'b del', 'a del', 'detach']],
  ['GC', ['b announces', 'gc', 'a gc', 'b gc', 'c gc']],
])('combinedPlugin() announces the removal of %s before anything else', (command, expected) => {
  const announcing = { ...noting('b'), beforeRemoval: () => step('b announces') };
  const plugin = combinedPlugin('chain', attaching, [noting('a'), announcing, noting('c')]);
  expect(call(command, { 'cni.dev/valid-attachments': [] }, '', plugin).exitCode).toBe(0);
  expect(calls).toEqual(expected);
});

test('combinedPlugin() does nothing when a feature does not accept its settings', () => {
  failing = 'b validate';
  expect(call('ADD', { a: 1, b: 1 }).exitCode).toBe(1);
  expect(calls).toEqual(['b validate']);
});

test('combinedPlugin() keeps the attachment when a feature’s DEL failed, so that the next DEL finds all', () => {
  failing = 'b del';
  expect(call('DEL', { a: 1, b: 1 }).exitCode).toBe(1);
  expect(calls).toEqual(['c del', 'b del']);
});

test('combinedPlugin() goes on with GC after an error and reports it', () => {
  failing = 'a gc';
  const { stdout } = call('GC', { 'cni.dev/valid-attachments': [] });
  expect(JSON.parse(stdout).msg).toBe('a gc fails');
  expect(calls).toEqual(['gc', 'a gc', 'b gc', 'c gc']);
});

test('combinedPlugin() knows the CNI_ARGS of all', () => {
  expect(call('ADD', {}, 'MAC=x;A=1;C=2').exitCode).toBe(0);
  expect(call('ADD', {}, 'D=1').exitCode).toBe(1);
});

test.each(['ADD', 'CHECK'])('featurePlugin() wants a prevResult for %s', (command) => {
  const env = { CNI_COMMAND: command, CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_NETNS: '/x' };
  const of = (conf: object) =>
    dispatch(featurePlugin(noting('a')), {
      env,
      stdin: JSON.stringify({ cniVersion: '1.0.0', name: 'n', ...conf }),
    });
  expect(JSON.parse(of({}).stdout)).toMatchObject({ code: 7, msg: 'Required prevResult missing' });
  expect(of({ prevResult: {} }).exitCode).toBe(0);
  expect(calls).toEqual([`a ${command.toLowerCase()}`]);
});
