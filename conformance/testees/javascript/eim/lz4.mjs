// LZ4 blocks: sequences of a token, literals, and a copy of earlier output; the last one has literals only.
import { matches } from './matches.mjs';

const MIN_MATCH = 4;
/** No copy begins in the last 12 octets, and the last 5 are literals (end of block conditions of the format). */
const LAST_MATCH = 12;
const LAST_LITERALS = 5;

/**
 * @param {Uint8Array} data @param {number} size octets that it has to yield, exactly
 * @returns {Buffer | undefined} undefined: corrupt
 */
export function decompress(data, size) {
  const out = Buffer.alloc(size);
  let at = 0;
  let written = 0;

  /** @param {number} nibble @returns {number} -1 at the end of the data */
  const length = (nibble) => {
    if (nibble < 15) return nibble;
    for (let total = 15; at < data.length; ) {
      const octet = data[at++];
      total += octet;
      if (octet < 255) return total;
    }
    return -1;
  };

  while (at < data.length) {
    const token = data[at++];
    const literals = length(token >> 4);
    if (literals < 0 || literals > data.length - at || literals > size - written) return undefined;
    out.set(data.subarray(at, at + literals), written);
    at += literals;
    written += literals;
    if (at === data.length) return written === size ? out : undefined; // the last sequence has no copy

    if (data.length - at < 2) return undefined;
    const offset = data[at] | (data[at + 1] << 8);
    at += 2;
    const copy = length(token & 15) + MIN_MATCH;
    if (copy < MIN_MATCH || offset === 0 || offset > written || copy > size - written) return undefined;
    for (const end = written + copy; written < end; written++) out[written] = out[written - offset];
  }
  return undefined; // ended by a copy, or no token at all
}

/** @param {Buffer} content */
export function compress(content) {
  /** @type {Buffer[]} */
  const parts = [];
  let from = 0;
  for (const { at, offset, length } of matches(content, content.length - LAST_MATCH, content.length - LAST_LITERALS)) {
    parts.push(sequence(content.subarray(from, at), offset, length));
    from = at + length;
  }
  parts.push(sequence(content.subarray(from), 0, 0));
  return Buffer.concat(parts);
}

/** @param {Buffer} literals @param {number} offset 0: the last sequence @param {number} length */
function sequence(literals, offset, length) {
  const copy = offset > 0 ? length - MIN_MATCH : 0;
  const head = [(Math.min(literals.length, 15) << 4) | Math.min(copy, 15), ...more(literals.length)];
  const tail = offset > 0 ? [offset & 255, offset >> 8, ...more(copy)] : [];
  return Buffer.concat([Buffer.from(head), literals, Buffer.from(tail)]);
}

/** Octets that continue a length of 15 or more. @param {number} length */
function more(length) {
  /** @type {number[]} */
  const octets = [];
  if (length < 15) return octets;
  for (length -= 15; length >= 255; length -= 255) octets.push(255);
  octets.push(length);
  return octets;
}
