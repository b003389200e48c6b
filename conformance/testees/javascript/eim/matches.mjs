/**
 * Repetitions in `content`, found greedily with a hash table of four octets: what the compressors for LZ4 and Snappy share.
 * @param {Buffer} content
 * @param {number} lastStart no repetition begins after this place
 * @param {number} lastEnd none reaches beyond this one
 * @returns {Generator<{ at: number, offset: number, length: number }>} offset at most 65,535, length at least 4
 */
export function* matches(content, lastStart, lastEnd) {
  const seen = new Int32Array(1 << 14).fill(-1);
  for (let at = 0; at <= lastStart && at + 4 <= lastEnd; ) {
    const word = content.readInt32LE(at);
    const slot = Math.imul(word, 0x9e3779b1) >>> 18;
    const from = seen[slot];
    seen[slot] = at;
    if (from < 0 || at - from > 0xffff || content.readInt32LE(from) !== word) {
      at++;
      continue;
    }
    let length = 4;
    while (at + length < lastEnd && content[from + length] === content[at + length]) length++;
    yield { at, offset: at - from, length };
    at += length;
  }
}
