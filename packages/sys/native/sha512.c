/* SHA-512 (FIPS 180-4). CNI plugins derive names from it; QuickJS lacks it. */
#include "core.h"

#include <string.h>

enum { BLOCK = 128, LENGTH_AT = 112 };

/* Section 4.2.3: from the cube roots of the first primes; section 5.3.5: from their square roots. */
static const uint64_t rounds[80] = {
    0x428a2f98d728ae22ULL, 0x7137449123ef65cdULL, 0xb5c0fbcfec4d3b2fULL, 0xe9b5dba58189dbbcULL,
    0x3956c25bf348b538ULL, 0x59f111f1b605d019ULL, 0x923f82a4af194f9bULL, 0xab1c5ed5da6d8118ULL,
    0xd807aa98a3030242ULL, 0x12835b0145706fbeULL, 0x243185be4ee4b28cULL, 0x550c7dc3d5ffb4e2ULL,
    0x72be5d74f27b896fULL, 0x80deb1fe3b1696b1ULL, 0x9bdc06a725c71235ULL, 0xc19bf174cf692694ULL,
    0xe49b69c19ef14ad2ULL, 0xefbe4786384f25e3ULL, 0x0fc19dc68b8cd5b5ULL, 0x240ca1cc77ac9c65ULL,
    0x2de92c6f592b0275ULL, 0x4a7484aa6ea6e483ULL, 0x5cb0a9dcbd41fbd4ULL, 0x76f988da831153b5ULL,
    0x983e5152ee66dfabULL, 0xa831c66d2db43210ULL, 0xb00327c898fb213fULL, 0xbf597fc7beef0ee4ULL,
    0xc6e00bf33da88fc2ULL, 0xd5a79147930aa725ULL, 0x06ca6351e003826fULL, 0x142929670a0e6e70ULL,
    0x27b70a8546d22ffcULL, 0x2e1b21385c26c926ULL, 0x4d2c6dfc5ac42aedULL, 0x53380d139d95b3dfULL,
    0x650a73548baf63deULL, 0x766a0abb3c77b2a8ULL, 0x81c2c92e47edaee6ULL, 0x92722c851482353bULL,
    0xa2bfe8a14cf10364ULL, 0xa81a664bbc423001ULL, 0xc24b8b70d0f89791ULL, 0xc76c51a30654be30ULL,
    0xd192e819d6ef5218ULL, 0xd69906245565a910ULL, 0xf40e35855771202aULL, 0x106aa07032bbd1b8ULL,
    0x19a4c116b8d2d0c8ULL, 0x1e376c085141ab53ULL, 0x2748774cdf8eeb99ULL, 0x34b0bcb5e19b48a8ULL,
    0x391c0cb3c5c95a63ULL, 0x4ed8aa4ae3418acbULL, 0x5b9cca4f7763e373ULL, 0x682e6ff3d6b2b8a3ULL,
    0x748f82ee5defb2fcULL, 0x78a5636f43172f60ULL, 0x84c87814a1f0ab72ULL, 0x8cc702081a6439ecULL,
    0x90befffa23631e28ULL, 0xa4506cebde82bde9ULL, 0xbef9a3f7b2c67915ULL, 0xc67178f2e372532bULL,
    0xca273eceea26619cULL, 0xd186b8c721c0c207ULL, 0xeada7dd6cde0eb1eULL, 0xf57d4f7fee6ed178ULL,
    0x06f067aa72176fbaULL, 0x0a637dc5a2c898a6ULL, 0x113f9804bef90daeULL, 0x1b710b35131c471bULL,
    0x28db77f523047d84ULL, 0x32caab7b40c72493ULL, 0x3c9ebe0a15c9bebcULL, 0x431d67c49c100d4cULL,
    0x4cc5d4becb3e42b6ULL, 0x597f299cfc657e2aULL, 0x5fcb6fab3ad6faecULL, 0x6c44198c4a475817ULL,
};
static const uint64_t initial[8] = {
    0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
    0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL,
};

static uint64_t rotated(uint64_t x, int by) { return x >> by | x << (64 - by); }

static uint64_t big_endian(const uint8_t *p) {
  uint64_t x;
  memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  x = __builtin_bswap64(x);
#endif
  return x;
}

/* Section 6.4.2. The variables change their roles in each round, so that none moves. */
static void compress(uint64_t state[8], const uint8_t *block) {
  uint64_t w[80], v[8];
  for (int t = 0; t < 16; t++) w[t] = big_endian(block + 8 * t);
  for (int t = 16; t < 80; t++) {
    uint64_t x = w[t - 15], y = w[t - 2];
    w[t] = w[t - 16] + w[t - 7] + (rotated(x, 1) ^ rotated(x, 8) ^ x >> 7) + (rotated(y, 19) ^ rotated(y, 61) ^ y >> 6);
  }
  memcpy(v, state, sizeof v);
  for (int t = 0; t < 80; t += 8) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
      uint64_t a = v[-i & 7], b = v[(1 - i) & 7], c = v[(2 - i) & 7], e = v[(4 - i) & 7], f = v[(5 - i) & 7], g = v[(6 - i) & 7];
      uint64_t one = v[(7 - i) & 7] + (rotated(e, 14) ^ rotated(e, 18) ^ rotated(e, 41)) + ((e & f) ^ (~e & g)) + rounds[t + i] + w[t + i];
      v[(3 - i) & 7] += one;
      v[(7 - i) & 7] = one + (rotated(a, 28) ^ rotated(a, 34) ^ rotated(a, 39)) + ((a & b) ^ (a & c) ^ (b & c));
    }
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}

/* (text): its hash in hexadecimal. */
int64_t cnk_sha512(const cnk_arg *a, cnk_out *out) {
  const uint8_t *text = (const uint8_t *)a[0].text;
  size_t left = a[0].len;
  uint64_t state[8];
  uint8_t last[2 * BLOCK] = {0};
  memcpy(state, initial, sizeof state);
  for (; left >= BLOCK; left -= BLOCK, text += BLOCK) compress(state, text);
  memcpy(last, text, left);
  last[left] = 0x80;
  size_t blocks = left < LENGTH_AT ? 1 : 2;
  /* Length in bits; 64 bits suffice. */
  for (int i = 0; i < 8; i++) last[blocks * BLOCK - 1 - i] = (uint8_t)((uint64_t)a[0].len << 3 >> (8 * i));
  for (size_t i = 0; i < blocks; i++) compress(state, last + i * BLOCK);
  char *room = cnk_out_room(out, BLOCK);
  if (!room) return -ENOMEM;
  for (int i = 0; i < BLOCK; i++) room[i] = "0123456789abcdef"[state[i / 16] >> (60 - 4 * (i % 16)) & 15];
  out->len += BLOCK;
  return 0;
}
