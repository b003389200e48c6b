// Frames: eleven octets of header, then the payload (chapter 10).
import { close } from './compression.mjs';
import { Reject } from './errors.mjs';
import { checkHeader, mayCompress, versionOf } from './receiver.mjs';
import { frameType } from './registry.mjs';

export const HEADER_OCTETS = 11;

/**
 * @typedef {object} Frame
 * @property {number} version
 * @property {number} type
 * @property {number} sequence
 * @property {number} compression
 * @property {Buffer} payload as on the wire
 */

/**
 * EIM-FRM-001, EIM-FRM-002: network byte order.
 * @param {Uint8Array} octets @param {number} at
 * @returns {import('./receiver.mjs').Header}
 */
export function readHeader(octets, at = 0) {
  const u32 = (/** @type {number} */ i) => octets[i] * 0x1000000 + (octets[i + 1] << 16) + (octets[i + 2] << 8) + octets[i + 3];
  return { version: octets[at], type: octets[at + 1], sequence: u32(at + 2), compression: octets[at + 6], length: u32(at + 7) };
}

/**
 * Octets to frames. Where the octets are cut into chunks makes no difference (EIM-FRM-004).
 *
 * `push` calls `onFrame` for each frame that is whole and throws a Reject at the first octet that decides
 * against the peer; after that the reader must not be used again (EIM-FRM-030). Frames of the ignorable range are frames here:
 * the connection counts them (chapter 20.8) and then discards them (EIM-FRM-023).
 */
export class FrameReader {
  /**
   * @param {import('./receiver.mjs').Receiver} receiver
   * @param {(frame: Frame) => void} onFrame
   * @param {(header: import('./receiver.mjs').Header) => void} [onHeader] further checks of an accepted header
   */
  constructor(receiver, onFrame, onHeader = () => {}) {
    this.receiver = receiver;
    this.onFrame = onFrame;
    this.onHeader = onHeader;
    /** @type {import('./receiver.mjs').Header | undefined} accepted, its payload still arriving */
    this.header = undefined;
    /** Octets of an incomplete header or payload; grows with what arrives, not with what is declared (EIM-FRM-018). */
    this.held = Buffer.alloc(64);
    this.heldOctets = 0;
    this.begun = false;
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    let at = 0;
    while (at < chunk.length) {
      const need = this.#wanted() - this.heldOctets;
      const have = Math.min(need, chunk.length - at);
      this.begun = true;
      if (have < need || this.heldOctets > 0) this.#hold(chunk, at, have);
      if (have === need) {
        if (this.heldOctets > 0) this.#step(Buffer.from(this.held.subarray(0, this.heldOctets)), 0);
        else this.#step(chunk, at);
      }
      at += have;
    }
  }

  /** Octets that are missing before the next decision; 0 at the end of a frame. */
  missing() {
    if (!this.header && this.heldOctets === 0 && this.begun) return 0;
    return this.#wanted() - this.heldOctets;
  }

  #wanted() {
    return this.header ? this.header.length : HEADER_OCTETS;
  }

  /** @param {Buffer} chunk @param {number} at @param {number} octets */
  #hold(chunk, at, octets) {
    if (this.heldOctets + octets > this.held.length) {
      const larger = Buffer.alloc(Math.max(this.held.length * 2, this.heldOctets + octets));
      this.held.copy(larger, 0, 0, this.heldOctets);
      this.held = larger;
    }
    chunk.copy(this.held, this.heldOctets, at, at + octets);
    this.heldOctets += octets;
  }

  /** A header or a payload is whole. @param {Buffer} octets @param {number} at */
  #step(octets, at) {
    this.heldOctets = 0;
    if (!this.header) {
      const header = readHeader(octets, at);
      checkHeader(header, this.receiver);
      this.onHeader(header);
      this.header = header;
      if (header.length > 0) return;
      at += HEADER_OCTETS;
    }
    const { version, type, sequence, compression, length } = this.header;
    this.header = undefined;
    this.onFrame({ version, type, sequence, compression, payload: octets.subarray(at, at + length) });
  }
}

/**
 * A frame to be sent: with its payload as it shall be on the wire, or with content that is to be compressed.
 * @typedef {object} Outgoing
 * @property {number} [version] what the type asks for
 * @property {number} type
 * @property {number} [sequence]
 * @property {number} [compression]
 * @property {Buffer} [payload]
 * @property {Buffer} [content]
 */

/**
 * A frame as octets, or a Reject with the error its receiver would answer (EIM-FRM-019, EIM-FRM-020, EIM-CMP-005).
 * @param {Outgoing} frame @param {import('./receiver.mjs').Receiver} receiver
 */
export function encodeFrame(frame, receiver) {
  const { type, sequence = 0, compression = 0, content = Buffer.alloc(0), version = versionOf(type, receiver) } = frame;
  const { contentCap } = frameType(type);
  let payload = frame.payload ?? content;
  if (!frame.payload && mayCompress(compression, frameType(type), receiver)) payload = close(compression, content);
  checkHeader({ version, type, sequence, compression, length: payload.length }, receiver);
  if (compression !== 0 && content.length > contentCap) throw new Reject('DECOMPRESSED_TOO_LARGE');
  const octets = Buffer.allocUnsafe(HEADER_OCTETS + payload.length);
  octets[0] = version;
  octets[1] = type;
  octets.writeUInt32BE(sequence, 2);
  octets[6] = compression;
  octets.writeUInt32BE(payload.length, 7);
  payload.copy(octets, HEADER_OCTETS);
  return octets;
}

/**
 * Whole frames in one WebSocket message (EIM-TRN-023). Only the border is looked at; the frames are then read as from any stream.
 * @param {Uint8Array} message
 * @returns {number}
 */
export function countFrames(message) {
  let frames = 0;
  for (let at = 0; at < message.length; frames++) {
    if (message.length - at < HEADER_OCTETS) throw new Reject('SPLIT_FRAME');
    at += HEADER_OCTETS + readHeader(message, at).length;
    if (at > message.length) throw new Reject('SPLIT_FRAME');
  }
  return frames;
}
