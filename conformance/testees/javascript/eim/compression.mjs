// Compressed payloads: the size after decompression, then the data of the algorithm (chapter 12).
import { Reject, Unsupported } from './errors.mjs';
import * as lz4 from './lz4.mjs';
import { algorithm, frameType } from './registry.mjs';
import * as snappy from './snappy.mjs';
import * as zstd from './zstd.mjs';

const SIZE_OCTETS = 4;

/** @type {Record<string, { decompress(data: Buffer, size: number): Buffer | undefined, compress(content: Buffer): Buffer }>} */
const ALGORITHMS = { zstd, lz4, snappy, 'zstd-dict-1': zstd.withDictionary };

/** What this build can compress and decompress. */
export const algorithms = ['zstd', 'lz4', 'snappy', 'zstd-dict-1'].filter((name) => !name.startsWith('zstd') || zstd.available);

/**
 * The octets of a payload as they were before compression. The compression octet has been accepted with the header.
 * @param {{ type: number, compression: number, payload: Buffer }} frame
 * @returns {Buffer}
 */
export function open({ type, compression, payload }) {
  if (compression === 0) return payload;
  const size = statedSize(payload);
  if (size > frameType(type).contentCap) throw new Reject('DECOMPRESSED_TOO_LARGE'); // EIM-CMP-014, EIM-CMP-015: before any allocation
  const content = implementation(compression).decompress(payload.subarray(SIZE_OCTETS), size);
  if (!content) throw new Reject('DECOMPRESSION_FAILED'); // EIM-CMP-016, EIM-CMP-018 to EIM-CMP-022
  return content;
}

/** The size at the beginning of a compressed payload. @param {Buffer} payload */
export function statedSize(payload) {
  if (payload.length < SIZE_OCTETS) throw new Reject('DECOMPRESSION_FAILED'); // EIM-CMP-013
  return payload.readUInt32BE(0);
}

/** A payload for the wire (EIM-CMP-001). @param {number} compression @param {Buffer} content */
export function close(compression, content) {
  if (compression === 0) return content;
  const size = Buffer.alloc(SIZE_OCTETS);
  size.writeUInt32BE(content.length);
  return Buffer.concat([size, implementation(compression).compress(content)]);
}

/** @param {number} compression */
function implementation(compression) {
  const name = algorithm(compression);
  if (!name || !(name in ALGORITHMS)) throw new Unsupported(`compression ${compression}`);
  return ALGORITHMS[name];
}
