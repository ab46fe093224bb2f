import { fileURLToPath } from 'node:url';

/** Where this package keeps the static executable for linux x64; it needs neither Node nor a library on the node. */
export function executablePath(): string {
  return fileURLToPath(new URL('../build/cnikit', import.meta.url));
}
