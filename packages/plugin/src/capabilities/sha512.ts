import { INITIAL, ROUNDS } from './sha512-constants.ts';

const BLOCK = 128;
/** Of 2^32, by which a sum of low halves says what it carries into the high ones. */
const CARRY = 2 ** -32;

/** What was hashed last: features of one invocation name what they make by the same text. */
const last = { text: '', hash: '' };

/**
 * SHA-512 (FIPS 180-4) in hexadecimal, by which the reference plugins name what they make. Words are pairs of 32-bit
 * halves, which every engine is quick at.
 *
 * @param text ASCII, as the names of networks and containers are
 */
export function sha512(text: string): string {
  if (last.text !== text || text === '') Object.assign(last, { text, hash: hashOf(text) });
  return last.hash;
}

function hashOf(text: string): string {
  const state = Array.from(INITIAL, (word) => word | 0);
  const blocks = Math.ceil((text.length + 17) / BLOCK);
  const high = new Int32Array(80);
  const low = new Int32Array(80);
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) {
      high[i] = wordAt(text, block * BLOCK + i * 8);
      low[i] = wordAt(text, block * BLOCK + i * 8 + 4);
    }
    // The length in bits stands at the end; texts here are far shorter than 2^29.
    if (block === blocks - 1) low[15] = text.length * 8;
    compress(state, high, low);
  }
  return state.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** Four bytes of the text, big-endian; behind its end one bit is set and all others are clear. */
function wordAt(text: string, at: number): number {
  let word = 0;
  for (let i = at; i < at + 4; i++) {
    word = (word << 8) | (i < text.length ? text.charCodeAt(i) & 0xff : i === text.length ? 0x80 : 0);
  }
  return word;
}

/** Section 6.4.2, with h and l as the halves of a word; written out, since a call costs the engine as much as ten steps. */
function compress(state: number[], high: Int32Array, low: Int32Array): void {
  for (let t = 16; t < 80; t++) {
    const h15 = high[t - 15] as number;
    const l15 = low[t - 15] as number;
    const h2 = high[t - 2] as number;
    const l2 = low[t - 2] as number;
    const s0h = ((h15 >>> 1) | (l15 << 31)) ^ ((h15 >>> 8) | (l15 << 24)) ^ (h15 >>> 7);
    const s0l = ((l15 >>> 1) | (h15 << 31)) ^ ((l15 >>> 8) | (h15 << 24)) ^ ((l15 >>> 7) | (h15 << 25));
    const s1h = ((h2 >>> 19) | (l2 << 13)) ^ ((l2 >>> 29) | (h2 << 3)) ^ (h2 >>> 6);
    const s1l = ((l2 >>> 19) | (h2 << 13)) ^ ((h2 >>> 29) | (l2 << 3)) ^ ((l2 >>> 6) | (h2 << 26));
    const sum = (s0l >>> 0) + (s1l >>> 0) + ((low[t - 7] as number) >>> 0) + ((low[t - 16] as number) >>> 0);
    low[t] = sum;
    high[t] = s0h + s1h + (high[t - 7] as number) + (high[t - 16] as number) + ((sum * CARRY) | 0);
  }
  let [ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl] = state as Sixteen;
  for (let t = 0; t < 80; t++) {
    const s1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^ ((el >>> 9) | (eh << 23));
    const s1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^ ((eh >>> 9) | (el << 23));
    const t1l =
      (hl >>> 0) +
      (s1l >>> 0) +
      (((el & fl) ^ (~el & gl)) >>> 0) +
      (ROUNDS[2 * t + 1] as number) +
      ((low[t] as number) >>> 0);
    const t1h =
      (hh +
        s1h +
        ((eh & fh) ^ (~eh & gh)) +
        (ROUNDS[2 * t] as number) +
        (high[t] as number) +
        ((t1l * CARRY) | 0)) |
      0;
    const s0h = ((ah >>> 28) | (al << 4)) ^ ((al >>> 2) | (ah << 30)) ^ ((al >>> 7) | (ah << 25));
    const s0l = ((al >>> 28) | (ah << 4)) ^ ((ah >>> 2) | (al << 30)) ^ ((ah >>> 7) | (al << 25));
    const t2l = (s0l >>> 0) + (((al & bl) ^ (al & cl) ^ (bl & cl)) >>> 0);
    const t2h = (s0h + ((ah & bh) ^ (ah & ch) ^ (bh & ch)) + ((t2l * CARRY) | 0)) | 0;
    hh = gh;
    hl = gl;
    gh = fh;
    gl = fl;
    fh = eh;
    fl = el;
    const nextE = (dl >>> 0) + (t1l >>> 0);
    el = nextE | 0;
    eh = (dh + t1h + ((nextE * CARRY) | 0)) | 0;
    dh = ch;
    dl = cl;
    ch = bh;
    cl = bl;
    bh = ah;
    bl = al;
    const nextA = (t1l >>> 0) + (t2l >>> 0);
    al = nextA | 0;
    ah = (t1h + t2h + ((nextA * CARRY) | 0)) | 0;
  }
  const out = [ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl];
  for (let i = 0; i < 16; i += 2) {
    const sum = ((state[i + 1] as number) >>> 0) + ((out[i + 1] as number) >>> 0);
    state[i + 1] = sum | 0;
    state[i] = ((state[i] as number) + (out[i] as number) + ((sum * CARRY) | 0)) | 0;
  }
}

type Sixteen = [
  ...[number, number, number, number, number, number, number, number],
  ...[number, number, number, number, number, number, number, number],
];
