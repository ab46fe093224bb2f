import { binding } from '#binding';
import { SysError } from './error.ts';

/**
 * Returns the SHA-512 (FIPS 180-4) of a text's UTF-8 in hexadecimal. CNI plugins derive names from it, and QuickJS has no
 * hash function.
 */
export function sha512(text: string): string {
  const hash = binding.sha512(text);
  if (typeof hash === 'string') {
    return hash;
  }
  throw new SysError({ syscall: 'sha512', errno: -hash });
}
