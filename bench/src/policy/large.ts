/** Compiles a large cluster in a process without anything else, and prints its time and memory as JSON. */
import { PolicyCompiler, type PolicyEvent } from '@cnikit/policy';
import { NODE, objects, type Size } from './objects.ts';

const [pods = 0, policies = 0, local = 0] = process.argv.slice(2).map(Number);
const size: Size = { pods, policies, local };

/** Objects are garbage once they are read, as those of a list. */
function* events(): Generator<PolicyEvent> {
  for (const object of objects(size)) {
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

const readMs = cpuMs(() => void Array.from(events(), () => 0));
const compiler = new PolicyCompiler(NODE);
let changes = 0;
const allMs = cpuMs(() => {
  changes = compiler.apply(events()).length;
});
const peakMB = process.resourceUsage().maxRSS / 1e3;
console.log(JSON.stringify({ readMs, compileMs: allMs - readMs, changes, peakMB }));
