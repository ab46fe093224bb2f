import { binding } from '#binding';
import { SysError } from './error.ts';

/**
 * SHA-512 (FIPS 180-4) of a text's UTF-8, in hexadecimal. The field's plugins name what they make by it, and QuickJS has
 * no hash of its own.
 */
export function sha512(text: string): string {
  const hash = binding().sha512(text);
  if (typeof hash === 'string') {
    return hash;
  }
  throw new SysError({ syscall: 'sha512', errno: -hash });
}
