import fc from 'fast-check';
import {
  type Cluster,
  type ClusterObject,
  emptyRuleset,
  type PolicyCompiler,
  type PolicyEvent,
  type Ruleset,
  readCluster,
  readObject,
} from '../src/index.ts';
import { canonical } from './canonical.ts';
import { change, cluster, keyOf, NODE_OBJECTS, type RandomChange } from './clusters.ts';
import { differences } from './oracle.ts';
import { refusals } from './transaction.ts';

/** The compiler under test: the real one, or one with a mutant. */
export type Compiler = new (node: string) => PolicyCompiler;

/** Seed and size of a run. */
interface Parameters {
  seed: number;
  numRuns: number;
  endOnFailure?: boolean;
}

const NODES = ['n1', 'n2'];

/** Compiled clusters agree with `decide()`. Throws with the differences of the smallest cluster that does not. */
export function compiledAgrees(Compiler: Compiler, parameters: Parameters): void {
  fc.assert(
    fc.property(cluster, ({ pods, namespaces, policies, nodes }) => {
      const objects = [...policies, ...pods, ...namespaces];
      const rulesets = new Map(NODES.map((node) => [node, compileAll(Compiler, node, objects).ruleset]));
      none(differences({ pods, namespaces, policies, nodes }, rulesets));
    }),
    parameters,
  );
}

/**
 * After any history the ruleset is the one of a fresh compiler and agrees with `decide()`, and each transaction of the
 * history is one that the kernel accepts.
 */
export function historiesAgree(Compiler: Compiler, parameters: Parameters): void {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 40 }), (history) => {
      const compilers = NODES.map((node) => ({ node, compiler: new Compiler(node), copy: emptyRuleset() }));
      const objects = new Map<string, ClusterObject>();
      for (const random of history) {
        const event = eventOf(random, objects);
        if (!event) {
          continue;
        }
        if (event.type === 'put') {
          objects.set(nameOf(event.object), event.object);
        } else {
          objects.delete(nameOf(event.object));
        }
        for (const { compiler, copy } of compilers) {
          none(refusals(copy, compiler.apply([event])));
        }
      }
      for (const { node, compiler, copy } of compilers) {
        same(copy, compiler.ruleset);
        same(canonical(compiler), canonical(compileAll(Compiler, node, [...objects.values()])));
      }
      const cluster = readCluster([...NODE_OBJECTS, ...objects.values()]);
      none(compilers.flatMap(({ node, compiler }) => strangers(compiler.ruleset, node, cluster)));
      const rulesets = new Map(compilers.map(({ node, compiler }) => [node, compiler.ruleset]));
      none(differences(cluster, rulesets));
    }),
    parameters,
  );
}

function compileAll(Compiler: Compiler, node: string, objects: readonly ClusterObject[]): PolicyCompiler {
  const compiler = new Compiler(node);
  compiler.apply(objects.map((object) => ({ type: 'put', object })));
  return compiler;
}

/** Returns the event of a random change; undefined for new labels without a pod. */
function eventOf(random: RandomChange, objects: ReadonlyMap<string, ClusterObject>): PolicyEvent | undefined {
  if (random.type !== 'relabel') {
    return { type: random.type, object: readObject(random.object)! };
  }
  const pods = [...objects.values()].filter((object) => object.kind === 'Pod');
  const pod = pods[random.place % pods.length];
  return pod && { type: 'put', object: { ...pod, metadata: { ...pod.metadata, labels: random.labels } } };
}

/** Returns the addresses in a ruleset's maps that are not of a pod of the node. */
function strangers(ruleset: Ruleset, node: string, { pods }: Cluster): string[] {
  const local = new Set(
    pods
      .filter(({ spec }) => spec.nodeName === node)
      .flatMap(({ status }) => (status?.podIPs ?? []).map(({ ip }) => ip)),
  );
  return [...ruleset.pods.ingress.keys(), ...ruleset.pods.egress.keys()].filter(
    (address) => !local.has(address),
  );
}

function nameOf(object: ClusterObject): string {
  const name =
    object.kind === 'Pod' || object.kind === 'NetworkPolicy' ? keyOf(object) : object.metadata.name;
  return `${object.kind} ${name}`;
}

function none(found: readonly string[]): void {
  if (found.length > 0) {
    throw new Error(found.slice(0, 5).join('\n'));
  }
}

function same(actual: unknown, expected: unknown): void {
  const [a, b] = [text(actual), text(expected)];
  if (a !== b) {
    throw new Error(`Rulesets differ:\n${a}\n${b}`);
  }
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => {
    if (field instanceof Map) {
      return Object.fromEntries([...field].sort());
    }
    if (field instanceof Set) {
      return [...field].sort();
    }
    return typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort())
      : field;
  });
}
