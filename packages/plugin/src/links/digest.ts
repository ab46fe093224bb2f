const ALPHABET = '0123456789abcdefghijklmnopqrstuv';

/** Hashes the UTF-16 bytes of a string into one 32-bit lane of FNV-1a. It allocates nothing. */
function fnv1a(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  // FNV mixes its high bits poorly for short inputs, so finish as murmur3 does.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Returns a digest of the text with `digits` characters of 5 bits; characters after the twelfth add no entropy. */
export function digest(text: string, digits: number): string {
  let low = fnv1a(text, 0x811c9dc5);
  let high = fnv1a(text, 0x9747b28c);
  let out = '';
  for (let i = 0; i < digits; i++) {
    out += ALPHABET[low & 31];
    low = ((low >>> 5) | ((high & 31) << 27)) >>> 0;
    high >>>= 5;
  }
  return out;
}
