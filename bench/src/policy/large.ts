/** Compiles a large cluster in a process without anything else, and prints its time and memory as JSON. */
import { PolicyCompiler, type PolicyEvent } from '@cnikit/policy';
import { saveMemory, withRoom } from '../../../packages/agent/src/core/v8-flags.ts';
import { podReader, readNamespace, readValidPolicy } from '../../../packages/agent/src/policy/objects.ts';
import { NODE, rawObjects, type Size } from './objects.ts';

saveMemory();

const [pods = 0, policies = 0, local = 0] = process.argv.slice(2).map(Number);
const size: Size = { pods, policies, local };

/** Objects as the agent keeps them. What the API returned is garbage then, as that of a list. */
function* events(): Generator<PolicyEvent> {
  const readPod = podReader();
  for (const value of rawObjects(size)) {
    const object =
      value.kind === 'Pod'
        ? readPod(value).pod
        : value.kind === 'Namespace'
          ? readNamespace(value)
          : readValidPolicy(value)!.policy;
    yield { type: 'put', object };
  }
}

/** Returns the processor time of `body` in milliseconds. */
function cpuMs(body: () => void): number {
  const before = process.cpuUsage();
  body();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const compiler = new PolicyCompiler(NODE);
let changes = 0;
const compileMs = cpuMs(() => {
  changes = withRoom(() => compiler.apply(events())).length;
});
const peakMB = process.resourceUsage().maxRSS / 1e3;
const readMs = cpuMs(() => void Array.from(events(), () => 0));
console.log(JSON.stringify({ readMs, compileMs: compileMs - readMs, changes, peakMB }));
