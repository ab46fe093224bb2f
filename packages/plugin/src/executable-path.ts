import { fileURLToPath } from 'node:url';

/** The file's name by architecture, as Node calls it. */
const FILES = { x64: 'cnikit', arm64: 'cnikit-arm64' } as const;

/**
 * Where this package keeps the static executable for Linux; it needs neither Node nor a library on the node.
 *
 * @param arch default: that of this process
 * @throws RangeError for an architecture that there is none for
 */
export function executablePath(arch: string = process.arch): string {
  if (!Object.hasOwn(FILES, arch)) {
    throw new RangeError(`The plugin is built for x64 and arm64, not for ${arch}`);
  }
  return fileURLToPath(new URL(`../build/${FILES[arch as keyof typeof FILES]}`, import.meta.url));
}
