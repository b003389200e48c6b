// Raw Snappy: the length as a variable-length integer, then literals and copies of earlier output.
import { matches } from './matches.mjs';

/**
 * @param {Uint8Array} data @param {number} size octets that it has to yield, exactly
 * @returns {Buffer | undefined} undefined: corrupt
 */
export function decompress(data, size) {
  let at = 0;
  let declared = 0;
  for (let shift = 0; ; shift += 7) {
    if (at === data.length || shift > 28) return undefined;
    const octet = data[at++];
    declared += (octet & 0x7f) * 2 ** shift;
    if (octet < 0x80) break;
  }
  if (declared !== size) return undefined; // EIM-CMP-004, EIM-CMP-016

  const out = Buffer.alloc(size);
  let written = 0;
  while (at < data.length) {
    const tag = data[at++];
    const kind = tag & 3;
    /** Octets that follow the tag: the length of a long literal, or the offset of a copy. */
    const extra = kind === 0 ? Math.max(0, (tag >> 2) - 59) : kind === 3 ? 4 : kind;
    if (extra > data.length - at) return undefined;
    let number = 0;
    for (let i = 0; i < extra; i++) number += data[at++] * 256 ** i;

    if (kind === 0) {
      const length = (extra > 0 ? number : tag >> 2) + 1;
      if (length > data.length - at || length > size - written) return undefined;
      out.set(data.subarray(at, at + length), written);
      at += length;
      written += length;
    } else {
      const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      const offset = kind === 1 ? ((tag >> 5) << 8) + number : number;
      if (offset === 0 || offset > written || length > size - written) return undefined;
      for (const end = written + length; written < end; written++) out[written] = out[written - offset];
    }
  }
  return written === size ? out : undefined;
}

/** @param {Buffer} content */
export function compress(content) {
  /** @type {Uint8Array[]} */
  const parts = [Uint8Array.from(preamble(content.length))];
  let from = 0;
  for (const { at, offset, length } of matches(content, content.length - 4, content.length)) {
    literal(parts, content.subarray(from, at));
    for (let rest = length; rest > 0; rest -= 64) {
      parts.push(Uint8Array.of(((Math.min(rest, 64) - 1) << 2) | 2, offset & 255, offset >> 8));
    }
    from = at + length;
  }
  literal(parts, content.subarray(from));
  return Buffer.concat(parts);
}

/** @param {number} length */
function preamble(length) {
  const octets = [];
  for (; length >= 0x80; length >>>= 7) octets.push((length & 0x7f) | 0x80);
  octets.push(length);
  return octets;
}

/** @param {Uint8Array[]} parts @param {Buffer} octets */
function literal(parts, octets) {
  const length = octets.length - 1;
  if (length < 0) return;
  if (length < 60) parts.push(Uint8Array.of(length << 2));
  else parts.push(Uint8Array.of(62 << 2, length & 255, (length >> 8) & 255, length >> 16)); // 3 octets: any payload
  parts.push(octets);
}
