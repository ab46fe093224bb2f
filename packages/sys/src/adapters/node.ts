import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Binding } from '../binding.ts';
import { SysError } from '../error.ts';

/** What the addon has beyond the binding; see native/napi_watch.c. */
export interface Addon extends Binding {
  watchOpen(fd: number, callback: () => void): object | number;
  watchClose(handle: object): void;
}

const ENOSYS = 38;
const FILE = 'cnikit_sys.node';

let loaded: Addon | undefined;

/** The addon, loaded at the first call: on a system without one, importing the package still works. */
export function addon(): Addon {
  loaded ??= load();
  return loaded;
}

/** The same, for `createSys`. */
export function binding(): Binding {
  return addon();
}

function load(): Addon {
  const system = `${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  const failures: string[] = [];
  for (const candidate of candidates(system)) {
    const path = fileURLToPath(new URL(candidate, import.meta.url));
    try {
      return require(path);
    } catch (error) {
      failures.push(`${path}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  throw new SysError({
    syscall: 'load',
    errno: ENOSYS,
    message:
      `@cnikit/sys has no native part for ${system} with Node ${process.versions.node}. ` +
      `Linux on x64 and arm64 needs nothing more; elsewhere on Linux run "npx cnikit-sys-build" once, which compiles it. ` +
      `A bundle needs ${FILE} beside it. ` +
      `Tried:\n  ${failures.join('\n  ')}\n`,
  });
}

/** From src/adapters and dist/adapters, from a chunk in dist, and beside an application's bundle. */
function candidates(system: string): string[] {
  return [`../../prebuilds/${system}/${FILE}`, `../prebuilds/${system}/${FILE}`, `./${FILE}`];
}
