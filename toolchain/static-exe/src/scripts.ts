/** Content of the executable besides the engine, see host/host.h. */
export interface Scripts {
  /** Bytecode files by name; the first is the entry. */
  files: ReadonlyArray<{ name: string; bytecode: string }>;
  /** The build stage reads the entry from standard input: its snapshot has a copy, and the executable needs no other. */
  entryApart: boolean;
  prepared: boolean;
  crashText: string;
}

/** Returns a C string literal. Octal escapes end after three digits, unlike hexadecimal ones. */
function literal(text: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  return `"${bytes.map((b) => `\\${b.toString(8).padStart(3, '0')}`).join('')}"`;
}

/** Returns the C file that contains the scripts. */
export function scriptsSource({ files, entryApart, prepared, crashText }: Scripts): string {
  const scripts = files.map(({ name, bytecode }, i) =>
    entryApart && i === 0
      ? { blob: '', row: `  {${literal(name)}, 0, 0},` }
      : { blob: blob(i, bytecode), row: `  {${literal(name)}, script_${i}, script_${i}_end},` },
  );
  return `#include "host.h"
${scripts.map((one) => one.blob).join('\n')}
const struct script scripts[] = {
${scripts.map(({ row }) => row).join('\n')}
};
const int script_count = ${files.length};
const int entry_is_prepared = ${prepared ? 1 : 0};
const char crash_text[] = ${literal(crashText)};
`;
}

function blob(i: number, bytecode: string): string {
  const content = `.incbin " ${literal(JSON.stringify(bytecode))} "`;
  return (
    `__asm__(".section .rodata\\n.balign 16\\nscript_${i}: ${content}\\nscript_${i}_end:\\n.previous");\n` +
    `extern const uint8_t script_${i}[], script_${i}_end[];`
  );
}
