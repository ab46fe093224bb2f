import type { Binding } from '../binding.ts';
import { SysError } from '../error.ts';
import { loadedLater } from './loaded-later.ts';

const ENOSYS = 38;

/** Adapter of unsupported runtimes: importing works, the first call throws. */
export const binding: Binding = /* @__PURE__ */ loadedLater(() => {
  throw new SysError({
    syscall: 'load',
    errno: ENOSYS,
    message:
      '@cnikit/sys runs under Node and in QuickJS executables only; ' +
      'a bundler must set the condition "node" or "quickjs"',
  });
});
