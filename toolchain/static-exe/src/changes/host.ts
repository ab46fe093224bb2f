/** Work that is needless with this host. */
import type { Change } from './change.ts';

export const HOST_CHANGES: readonly Change[] = [
  // No handler of interrupts exists, so calls and loops need not count until they ask it.
  { pattern: /unlikely\(--ctx->interrupt_counter <= 0\)/g, by: '0' },
  // Memory that was never used needs no zeroing, and an unused part of a buffer no page.
  {
    pattern:
      /(\nvoid \*js_mallocz_rt\(JSRuntime \*rt, size_t size\)\n\{\n {4}void \*ptr;\n {4}ptr = js_malloc_rt\(rt, size\);\n {4}if \(!ptr\)\n {8}return NULL;\n)/g,
    by: 'int heap_gave_zeros(size_t size);\n$1    if (heap_gave_zeros(size)) return ptr;\n',
  },
];
