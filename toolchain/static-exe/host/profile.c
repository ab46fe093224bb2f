/*
 * Marks of a profile, appended to the engine's source: each call of a function writes a line to file descriptor 9, which
 * is "E LINE" for a function of the script, "C ADDRESS MAGIC" for one in C, and "R" when it returns. A tracer sees the
 * instructions between cnk_mark_begin() and cnk_mark_end(), which belong to the mark, and can leave them out.
 */
#include <stdio.h>
#include <unistd.h>

__attribute__((noinline)) void cnk_mark_begin(void) { __asm__ volatile(""); }
__attribute__((noinline)) void cnk_mark_end(void) { __asm__ volatile(""); }

/* The build stage has no such descriptor. */
static void put_mark(const char *line, int length) {
  ssize_t written = write(9, line, (size_t)length);
  (void)written;
}

void cnk_mark_enter(JSContext *ctx, JSFunctionBytecode *b) {
  cnk_mark_begin();
  char line[64];
  int column;
  put_mark(line, snprintf(line, sizeof line, "E %d\n", find_line_num(ctx, b, -1, &column)));
  cnk_mark_end();
}

void cnk_mark_enter_c(void *function, int magic) {
  cnk_mark_begin();
  char line[64];
  put_mark(line, snprintf(line, sizeof line, "C %lx %d\n", (unsigned long)function, magic));
  cnk_mark_end();
}

void cnk_mark_return(void) {
  cnk_mark_begin();
  put_mark("R\n", 2);
  cnk_mark_end();
}
