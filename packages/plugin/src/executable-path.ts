/** Locates the static executable. */
import { fileURLToPath } from 'node:url';

/** File names by Node's name of the architecture. */
const FILES = { x64: 'cnikit', arm64: 'cnikit-arm64' } as const;

/**
 * Returns the file name of the static executable in this package's directory `build`.
 *
 * @param arch default: that of this process
 * @throws {RangeError} when the plugin is not built for the architecture
 */
export function executableName(arch: string = process.arch): string {
  if (!Object.hasOwn(FILES, arch)) {
    throw new RangeError(`The plugin is built for x64 and arm64, not for ${arch}`);
  }
  return FILES[arch as keyof typeof FILES];
}

/**
 * Returns the path of the static executable for Linux, which needs neither Node nor a library on the node.
 *
 * @param arch default: that of this process
 * @throws {RangeError} when the plugin is not built for the architecture
 */
export function executablePath(arch: string = process.arch): string {
  return fileURLToPath(new URL(`../build/${executableName(arch)}`, import.meta.url));
}
