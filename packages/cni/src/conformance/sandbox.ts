import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { openRtnetlink, setLink } from '@cnikit/netlink';
import { sys } from '@cnikit/sys';

const MARKER = 'CNIKIT_CNI_SANDBOX';
/** Directories of plugin state; hidden, so that no plugin finds the state of another. */
const HIDDEN = ['/run', '/var/lib'];

/**
 * Moves this program into temporary network, mount and process namespaces, and for unprivileged users a user
 * namespace. Outside of them it runs the program again inside and returns its exit status. Inside it returns
 * undefined.
 *
 * @throws {Error} when `unshare` cannot be started
 */
export function inSandbox(argv: readonly string[], env: NodeJS.ProcessEnv): number | undefined {
  if (env[MARKER] === '1') {
    prepare();
    return undefined;
  }
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const flags = [
    ...user,
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--propagation',
    'private',
  ];
  const { status, error } = spawnSync(
    'unshare',
    [...flags, '--', process.execPath, ...process.execArgv, ...argv],
    {
      stdio: 'inherit',
      env: { ...env, [MARKER]: '1' },
    },
  );
  if (error) {
    throw new Error(`Cannot start unshare (package util-linux): ${error.message}`, { cause: error });
  }
  return status ?? 1;
}

function prepare(): void {
  for (const path of HIDDEN) {
    sys.mount('tmpfs', path, 'tmpfs', 0, 'mode=755');
  }
  mkdirSync('/run/netns');
  const rt = openRtnetlink();
  rt.request(setLink({ name: 'lo', up: true }));
  rt.close();
}
