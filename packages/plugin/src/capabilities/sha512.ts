import { INITIAL, ROUNDS } from './sha512-constants.ts';

const BLOCK = 128;

/**
 * SHA-512 (FIPS 180-4) in hexadecimal, by which the reference plugins name what they make. Words are pairs of 32-bit
 * halves, which every engine is quick at.
 *
 * @param text ASCII, as the names of networks and containers are
 */
export function sha512(text: string): string {
  const state = INITIAL.map((word) => word | 0);
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

/** Section 6.4.2, with h and l as the halves of a word. */
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
    const sum = unsigned(s0l) + unsigned(s1l) + unsigned(low[t - 7]) + unsigned(low[t - 16]);
    low[t] = sum;
    high[t] = s0h + s1h + (high[t - 7] as number) + (high[t - 16] as number) + carry(sum);
  }
  let [ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl] = state as Sixteen;
  for (let t = 0; t < 80; t++) {
    const s1h = ((eh >>> 14) | (el << 18)) ^ ((eh >>> 18) | (el << 14)) ^ ((el >>> 9) | (eh << 23));
    const s1l = ((el >>> 14) | (eh << 18)) ^ ((el >>> 18) | (eh << 14)) ^ ((eh >>> 9) | (el << 23));
    const t1l =
      unsigned(hl) +
      unsigned(s1l) +
      unsigned((el & fl) ^ (~el & gl)) +
      unsigned(ROUNDS[2 * t + 1]) +
      unsigned(low[t]);
    const t1h =
      (hh + s1h + ((eh & fh) ^ (~eh & gh)) + (ROUNDS[2 * t] as number) + (high[t] as number) + carry(t1l)) |
      0;
    const s0h = ((ah >>> 28) | (al << 4)) ^ ((al >>> 2) | (ah << 30)) ^ ((al >>> 7) | (ah << 25));
    const s0l = ((al >>> 28) | (ah << 4)) ^ ((ah >>> 2) | (al << 30)) ^ ((ah >>> 7) | (al << 25));
    const t2l = unsigned(s0l) + unsigned((al & bl) ^ (al & cl) ^ (bl & cl));
    const t2h = (s0h + ((ah & bh) ^ (ah & ch) ^ (bh & ch)) + carry(t2l)) | 0;
    hh = gh;
    hl = gl;
    gh = fh;
    gl = fl;
    fh = eh;
    fl = el;
    const nextE = unsigned(dl) + unsigned(t1l);
    el = nextE | 0;
    eh = (dh + t1h + carry(nextE)) | 0;
    dh = ch;
    dl = cl;
    ch = bh;
    cl = bl;
    bh = ah;
    bl = al;
    const nextA = unsigned(t1l) + unsigned(t2l);
    al = nextA | 0;
    ah = (t1h + t2h + carry(nextA)) | 0;
  }
  const out = [ah, al, bh, bl, ch, cl, dh, dl, eh, el, fh, fl, gh, gl, hh, hl];
  for (let i = 0; i < 16; i += 2) {
    const sum = unsigned(state[i + 1]) + unsigned(out[i + 1]);
    state[i + 1] = sum | 0;
    state[i] = ((state[i] as number) + (out[i] as number) + carry(sum)) | 0;
  }
}

type Sixteen = [
  ...[number, number, number, number, number, number, number, number],
  ...[number, number, number, number, number, number, number, number],
];

const unsigned = (word: number | undefined): number => (word as number) >>> 0;

/** What a sum of low halves carries into the high ones. */
const carry = (sum: number): number => Math.floor(sum / 0x100000000);
