// The licences of what is published or built into what is published: `npm run lint` fails at one that is not in the list.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-3-Clause', 'ISC', 'MIT', 'PSF-2.0', 'Unlicense']);

/**
 * The packages of the lock file that a user of ours gets, development tools left out, whose licence nobody has looked at.
 *
 * @param {string} root
 * @returns {string[]} a line each
 */
export function unknownLicences(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path, { dev, link }]) => path.startsWith('node_modules/') && !dev && !link)
    .filter(([, { license = 'none' }]) => !ALLOWED.has(license))
    .map(([path, { license = 'none' }]) => `${path.slice('node_modules/'.length)}: licence ${license}`);
}
