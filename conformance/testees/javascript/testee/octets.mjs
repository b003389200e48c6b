// Octets as the testee protocol writes them.
import { createHash } from 'node:crypto';

/** From this length on a reply gives a digest instead. */
const LONG = 4096;

/** @param {string} hex @returns {Buffer} */
export function fromHex(hex) {
  const octets = Buffer.from(hex, 'hex');
  if (octets.length * 2 !== hex.length) throw new TypeError('not hexadecimal');
  return octets;
}

/** A chunk of a request: hexadecimal, or octets repeated. @param {string | { repeat: string, count: number }} chunk */
export function fromChunk(chunk) {
  if (typeof chunk === 'string') return fromHex(chunk);
  const unit = fromHex(chunk.repeat);
  return unit.length === 0 ? unit : Buffer.alloc(unit.length * chunk.count, unit);
}

/** @param {Buffer} octets */
export function toReply(octets) {
  if (octets.length < LONG) return octets.toString('hex');
  return { length: octets.length, sha256: createHash('sha256').update(octets).digest('hex') };
}
