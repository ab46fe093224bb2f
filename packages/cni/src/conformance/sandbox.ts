import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { openRtnetlink, setLink } from '@cnikit/netlink';
import { sys } from '@cnikit/sys';

const MARK = 'CNIKIT_CNI_SANDBOX';
/** Where plugins keep state; hidden, so that neither finds what the other left. */
const HIDDEN = ['/run', '/var/lib'];

/**
 * Makes sure that what follows happens in throw-away network, mount and process namespaces, and as an
 * unprivileged user in a user namespace: starts this program again in them and gives its exit status, or, being
 * there already, gives undefined.
 */
export function inSandbox(argv: readonly string[]): number | undefined {
  if (process.env[MARK] === '1') {
    settle();
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
      env: { ...process.env, [MARK]: '1' },
    },
  );
  if (error) {
    throw new Error(`Cannot start unshare (package util-linux): ${error.message}`, { cause: error });
  }
  return status ?? 1;
}

function settle(): void {
  for (const path of HIDDEN) {
    sys.mount('tmpfs', path, 'tmpfs', 0, 'mode=755');
  }
  mkdirSync('/run/netns');
  const rt = openRtnetlink();
  rt.request(setLink({ name: 'lo', up: true }));
  rt.close();
}
