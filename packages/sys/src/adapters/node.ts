import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Binding } from '../binding.ts';
import { SysError } from '../error.ts';
import { loadedLater } from './loaded-later.ts';

/** The binding and the functions of native/napi_watch.c and native/napi_memory.c. */
export interface Addon extends Binding {
  watchOpen(fd: number, callback: () => void): object | number;
  watchClose(handle: object): void;
  releaseMemory(): number;
}

const ENOSYS = 38;
const FILE = 'cnikit_sys.node';

let loaded: Addon | undefined;

/** Returns the addon. It loads on the first call, so that importing the package works on a system without one. */
export function addon(): Addon {
  loaded ??= load();
  return loaded;
}

/** The addon for `createSys()`. */
export const binding: Binding = /* @__PURE__ */ loadedLater(addon);

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
      `The package contains it for Linux on x64 and arm64; on other Linux systems run "npx cnikit-sys-build" to compile it. ` +
      `A bundle needs ${FILE} beside it. ` +
      `Tried:\n  ${failures.join('\n  ')}\n`,
  });
}

/** Returns the paths of the addon, relative to src/adapters or dist/adapters, to a chunk in dist, and to a bundle. */
function candidates(system: string): string[] {
  return [`../../prebuilds/${system}/${FILE}`, `../prebuilds/${system}/${FILE}`, `./${FILE}`];
}
