/** Content of the executable besides the engine, see host/host.h. */
export interface Scripts {
  /** Bytecode files by name; the first is the entry. */
  files: ReadonlyArray<{ name: string; bytecode: string }>;
  prepared: boolean;
  crashText: string;
}

/** Returns a C string literal. Octal escapes end after three digits, unlike hexadecimal ones. */
function literal(text: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  return `"${bytes.map((b) => `\\${b.toString(8).padStart(3, '0')}`).join('')}"`;
}

/** Returns the C file that contains the scripts. */
export function scriptsSource({ files, prepared, crashText }: Scripts): string {
  const blobs = files.map(
    ({ bytecode }, i) =>
      `__asm__(".section .rodata\\n.balign 16\\nscript_${i}: .incbin " ${literal(JSON.stringify(bytecode))} "\\nscript_${i}_end:\\n.previous");\n` +
      `extern const uint8_t script_${i}[], script_${i}_end[];`,
  );
  const rows = files.map(({ name }, i) => `  {${literal(name)}, script_${i}, script_${i}_end},`);
  return `#include "host.h"
${blobs.join('\n')}
const struct script scripts[] = {
${rows.join('\n')}
};
const int script_count = ${files.length};
const int entry_is_prepared = ${prepared ? 1 : 0};
const char crash_text[] = ${literal(crashText)};
`;
}
