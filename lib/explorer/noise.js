// The random stream of lib.descent.generator: the Mersenne Twister, started as NumPy's RandomState(seed).
function twister(seed) {
  const state = new Uint32Array(624); state[0] = seed;
  for (let i = 1; i < 624; i++) { const s = state[i-1] ^ (state[i-1] >>> 30); state[i] = Math.imul(1812433253, s) + i; }
  let at = 624;
  function word() {
    if (at === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (state[i] & 0x80000000) | (state[(i+1) % 624] & 0x7fffffff);
        state[i] = state[(i+397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let y = state[at++];
    y ^= y >>> 11; y ^= (y << 7) & 0x9d2c5680; y ^= (y << 15) & 0xefc60000; y ^= y >>> 18;
    return y >>> 0;
  }
  return () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;
}
// lib.losses.normals: Box and Muller's method.
function normals(random, count) {
  const u = Array.from({length: 2 * count}, random);
  return u.slice(0, count).map((r, i) => Math.sqrt(-2 * Math.log1p(-r)) * Math.cos(2 * Math.PI * u[count + i]));
}
