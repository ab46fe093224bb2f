import { join } from 'node:path';
import { type Context, machinesOf, onNode, type Scenario } from '../context.ts';

const NODE = 'n1';
const FOLDER = '/opt/cni/bin';

export const conformance: Scenario = {
  title: 'cnikit-cni conformance on a node finds no unmet MUST in the installed plugin, and leaves no trace',
  needs: ['machines'],
  async run(context) {
    const before = traces(context);
    const program = join(context.repository, 'packages/cni/dist/cli.js');
    const argv = ['conformance', `${FOLDER}/cnikit`, '--path', FOLDER];
    const { status, stdout, stderr } = machinesOf(context).exec(NODE, process.execPath, program, ...argv);
    // Each finding is a line with its verdict, and indented lines with what was observed.
    const failures = stdout.match(/^fail .*(?:\n .*)*/gm) ?? [];
    if (status !== 0) {
      throw new Error(`Exit status ${status}: ${failures.join('\n') || stderr || stdout}`);
    }
    const after = traces(context);
    if (after !== before) {
      throw new Error(`Links and reservations of ${NODE} were:\n${before}They are now:\n${after}`);
    }
    return stdout.trimEnd().split(': ').at(-1);
  },
};

/** The node's links, and the files of addresses and results below /var/lib/cni. */
function traces(context: Context): string {
  const links = onNode(context, NODE, 'ls', '/sys/class/net');
  return links + onNode(context, NODE, 'find', '/var/lib/cni', '-type', 'f');
}
