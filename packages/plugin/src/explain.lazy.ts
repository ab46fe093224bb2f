/** The script behind `__cnikit_load('explain')`: it leaves its value where the host looks for it. */
import { explain } from './explain.ts';

Object.assign(globalThis, { __cnikit_lazy: explain });
