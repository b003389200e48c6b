// Zstandard (RFC 8878). The entropy coding is left to the reference decoder, compiled to WebAssembly, if it is installed;
// what this protocol demands beyond a valid stream is checked here, by walking the frame. With a dictionary the rules are the same,
// and the frame may name it.
import { DICT_1 } from './dictionary-data.mjs';
import { Unsupported } from './errors.mjs';
import { LIMITS } from './registry.mjs';

const MAGIC = 0xfd2fb528;
const MAX_WINDOW = 2 ** LIMITS.zstd_window_log;
const MAX_BLOCK = 1 << 17;
const RAW = 0;
const RLE = 1;
const RESERVED = 3;

/** @type {typeof import('@bokuweb/zstd-wasm') | undefined} */
const library = await load();
export const available = library !== undefined;

async function load() {
  try {
    const zstd = await import('@bokuweb/zstd-wasm');
    await zstd.init();
    return zstd;
  } catch {
    return undefined;
  }
}

const dictionary1 = Buffer.from(DICT_1, 'base64');

/** The algorithm with the dictionary of the protocol. */
export const withDictionary = {
  decompress: (/** @type {Buffer} */ data, /** @type {number} */ size) => decompress(data, size, dictionary1),
  compress: (/** @type {Buffer} */ content) => compress(content, dictionary1),
};

/** The id behind the magic number of a dictionary (RFC 8878, section 5). @param {Buffer | undefined} dictionary */
const idOf = (dictionary) => dictionary?.readUInt32LE(4) ?? 0;

/**
 * @param {Buffer} data @param {number} size octets that it has to yield, exactly @param {Buffer} [dictionary]
 * @returns {Buffer | undefined} undefined: corrupt, or not permitted
 */
export function decompress(data, size, dictionary) {
  if (!permitted(data, size, idOf(dictionary))) return undefined;
  if (!library) throw new Unsupported('zstd');
  try {
    // The library gets room for exactly `size` octets, and fails when there are more (EIM-CMP-017).
    const room = { defaultHeapSize: size };
    const out = dictionary ? decoder(data, dictionary, room) : library.decompress(data, room);
    return out.length === size ? Buffer.from(out.buffer, out.byteOffset, size) : undefined;
  } catch {
    return undefined;
  }
}

/** @param {Buffer} data @param {Buffer} dictionary @param {{ defaultHeapSize: number }} room */
function decoder(data, dictionary, room) {
  if (!library) throw new Unsupported('zstd');
  const context = library.createDCtx();
  try {
    return library.decompressUsingDict(context, data, dictionary, room);
  } finally {
    library.freeDCtx(context);
  }
}

/**
 * One frame, from the first octet to the last, with a small window, no dictionary but the one that is `named`, and the right size.
 * @param {Buffer} data @param {number} size @param {number} named
 */
function permitted(data, size, named) {
  const header = readHeader(data);
  if (!header) return false;
  if (header.window > MAX_WINDOW) return false; // EIM-CMP-020
  if (header.dictionary !== 0 && header.dictionary !== named) return false; // EIM-CMP-021, EIM-CMP-029
  if (header.contentSize !== undefined && header.contentSize !== size) return false; // EIM-CMP-016
  const maxBlock = Math.min(header.window, MAX_BLOCK);
  let at = header.octets;
  for (let last = false; !last; ) {
    if (data.length - at < 3) return false;
    const block = data.readUIntLE(at, 3);
    last = (block & 1) === 1;
    const type = (block >> 1) & 3;
    const length = block >> 3;
    if (type === RESERVED || length > maxBlock) return false;
    at += 3 + (type === RLE ? 1 : length);
    if (at > data.length) return false;
  }
  return at + (header.checksum ? 4 : 0) === data.length; // EIM-CMP-018, EIM-CMP-019: nothing follows, no second frame
}

/**
 * Section 3.1.1.1 of RFC 8878. Skippable frames have another magic number (EIM-CMP-019).
 * @param {Buffer} data
 */
function readHeader(data) {
  if (data.length < 5 || data.readUInt32LE(0) !== MAGIC) return undefined;
  const descriptor = data[4];
  if (descriptor & 0x08) return undefined; // reserved bit
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryOctets = [0, 1, 2, 4][descriptor & 3];
  const sizeOctets = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6];
  const windowOctets = singleSegment ? 0 : 1;
  const octets = 5 + windowOctets + dictionaryOctets + sizeOctets;
  if (data.length < octets) return undefined;

  const number = (/** @type {number} */ at, /** @type {number} */ length) => {
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + data[at + i];
    return value;
  };
  const dictionary = number(5 + windowOctets, dictionaryOctets);
  /** @type {number | undefined} */
  let contentSize;
  if (sizeOctets > 0) contentSize = number(5 + windowOctets + dictionaryOctets, sizeOctets) + (sizeOctets === 2 ? 256 : 0);
  let window = contentSize ?? 0; // a single segment is its own window
  if (!singleSegment) {
    const base = 2 ** (10 + (data[5] >> 3));
    window = base + (base / 8) * (data[5] & 7);
  }
  return { octets, window, dictionary, contentSize, checksum: (descriptor & 0x04) !== 0 };
}

/** @param {Buffer} content @param {Buffer} [dictionary] */
export function compress(content, dictionary) {
  // The library would take the whole content as the window (EIM-CMP-002, EIM-CMP-027).
  if (!library || content.length > MAX_WINDOW) return store(content);
  if (!dictionary) return Buffer.from(library.compress(content));
  const context = library.createCCtx();
  try {
    return Buffer.from(library.compressUsingDict(context, content, dictionary, 3));
  } finally {
    library.freeCCtx(context);
  }
}

/** A frame of blocks that are not compressed, or one octet repeated. @param {Buffer} content */
function store(content) {
  /** @type {Buffer[]} */
  const parts = [];
  const header = Buffer.alloc(10);
  header.writeUInt32LE(MAGIC, 0);
  header[4] = 0x80; // content size in four octets, window, no dictionary, no checksum
  header[5] = (LIMITS.zstd_window_log - 10) << 3;
  header.writeUInt32LE(content.length, 6);
  parts.push(header);
  for (let at = 0; at === 0 || at < content.length; at += MAX_BLOCK) {
    const octets = content.subarray(at, at + MAX_BLOCK);
    const repeated = octets.length > 1 && octets.every((octet) => octet === octets[0]);
    const block = Buffer.alloc(3);
    block.writeUIntLE((octets.length << 3) | ((repeated ? RLE : RAW) << 1) | (at + MAX_BLOCK >= content.length ? 1 : 0), 0, 3);
    parts.push(block, repeated ? octets.subarray(0, 1) : octets);
  }
  return Buffer.concat(parts);
}
