// The licences of what is published or built into what is published: `npm run lint` fails at one that is not in the list.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-3-Clause', 'ISC', 'MIT', 'PSF-2.0', 'Unlicense']);

/**
 * Lists the packages of the lock file, without development tools, whose licence has not been reviewed.
 *
 * @param {string} root
 * @returns {string[]} one line per package
 */
export function unknownLicences(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path, { dev, link }]) => path.startsWith('node_modules/') && !dev && !link)
    .filter(([, { license = 'none' }]) => !ALLOWED.has(license))
    .map(([path, { license = 'none' }]) => `${path.slice('node_modules/'.length)}: licence ${license}`);
}
