// FRAGMENT and CANCEL: messages that are larger than a frame (chapter 14).
import { open, statedSize } from './compression.mjs';
import { Reject } from './errors.mjs';
import { parse } from './protobuf.mjs';
import { mayArrive, mayCompress } from './receiver.mjs';
import { LIMITS, frameType } from './registry.mjs';

export const FRAGMENT = 0x10;
export const CANCEL = 0x11;
const ENTRY = 0x50;

const FOLLOWING = 8; // octets before the data: id, offset
const FIRST = 18; // and in the first fragment: inner type, compression, total, uncompressed

/**
 * A message some of whose fragments have arrived.
 * @typedef {object} Partial
 * @property {number} type
 * @property {number} compression
 * @property {number} total
 * @property {number} uncompressed
 * @property {number} received
 * @property {Buffer | undefined} octets undefined: the message has failed, its data is thrown away
 */

/** The fragmented messages that are open in one direction. */
export class Reassembly {
  /** @param {import('./receiver.mjs').Receiver} receiver */
  constructor(receiver) {
    this.receiver = receiver;
    /** @type {Map<number, Partial>} failed ones included */
    this.open = new Map();
    this.reserved = 0;
  }

  /**
   * Takes a FRAGMENT. Gives the message when it is whole, as the frame that it stands for (EIM-FRG-029).
   * @param {import('./frame.mjs').Frame} frame
   * @returns {(import('./frame.mjs').Frame & { content: Buffer }) | undefined}
   */
  fragment(frame) {
    const payload = frame.payload;
    if (payload.length <= FOLLOWING) throw new Reject('MALFORMED_FRAGMENT'); // EIM-FRG-008
    const id = payload.readUInt32BE(0);
    const offset = payload.readUInt32BE(4);
    if (offset === 0) this.#begin(id, payload);
    const message = this.open.get(id);
    if (!message) throw new Reject('MALFORMED_FRAGMENT', 'id not open'); // EIM-FRG-010
    if (offset !== message.received) throw new Reject('MALFORMED_FRAGMENT', 'not the next octet'); // EIM-FRG-011
    const data = payload.subarray(offset === 0 ? FIRST : FOLLOWING);
    if (offset + data.length > message.total) throw new Reject('MALFORMED_FRAGMENT', 'beyond the total'); // EIM-FRG-012
    if (message.octets) data.copy(message.octets, offset);
    message.received += data.length;
    if (message.received < message.total) return undefined;
    this.#end(id, message);
    return message.octets && whole(frame, message, message.octets);
  }

  /** Takes a CANCEL (EIM-FRG-033). @param {Buffer} payload */
  cancel(payload) {
    const id = parse('Cancel', payload).fragment_id ?? 0;
    const message = this.open.get(id);
    if (!message) throw new Reject('MALFORMED_FRAGMENT', 'id not open'); // EIM-FRG-035
    this.#end(id, message);
  }

  /** @param {number} id @param {Buffer} payload */
  #begin(id, payload) {
    if (payload.length <= FIRST) throw new Reject('MALFORMED_FRAGMENT'); // EIM-FRG-008
    if (this.open.has(id)) throw new Reject('MALFORMED_FRAGMENT', 'id open'); // EIM-FRG-009
    /** @type {Partial} */
    const message = {
      type: payload[8],
      compression: payload[9],
      total: payload.readUInt32BE(10),
      uncompressed: payload.readUInt32BE(14),
      received: 0,
      octets: undefined,
    };
    const type = frameType(message.type);
    if (type.range !== 'message' && type.range !== 'operation' && message.type !== ENTRY) {
      throw new Reject('MALFORMED_FRAGMENT', 'inner type'); // EIM-FRG-013
    }
    const sender = this.receiver.role === 'server' ? 'client' : 'server';
    if (!mayArrive(type, sender)) throw new Reject('UNEXPECTED_FRAME'); // EIM-FRG-014
    if (!mayCompress(message.compression, type, this.receiver)) throw new Reject('UNKNOWN_COMPRESSION'); // EIM-FRG-015
    if (message.compression === 0 && message.total !== message.uncompressed) {
      throw new Reject('MALFORMED_FRAGMENT', 'total and uncompressed'); // EIM-FRG-016
    }
    if (payload.length - FIRST > message.total) throw new Reject('MALFORMED_FRAGMENT', 'beyond the total'); // EIM-FRG-012
    if (this.open.size >= LIMITS.fragmented_messages) throw new Reject('TOO_MANY_FRAGMENTS'); // EIM-FRG-025

    // All or nothing (EIM-FRG-018). A message without room stays open and fails alone (EIM-FRG-020 to EIM-FRG-023).
    const size = reservation(message);
    const fits = Math.max(message.total, message.uncompressed) <= type.contentCap;
    if (fits && this.reserved + size <= LIMITS.reassembly_octets) {
      this.reserved += size;
      message.octets = Buffer.alloc(message.total);
    }
    this.open.set(id, message);
  }

  /** @param {number} id @param {Partial} message */
  #end(id, message) {
    this.open.delete(id);
    if (message.octets) this.reserved -= reservation(message);
  }
}

/** @param {Partial} message */
const reservation = ({ compression, total, uncompressed }) => (compression === 0 ? total : total + uncompressed);

/** @param {import('./frame.mjs').Frame} last @param {Partial} message @param {Buffer} payload */
function whole(last, message, payload) {
  const { type, compression } = message;
  if (compression !== 0 && statedSize(payload) !== message.uncompressed) throw new Reject('DECOMPRESSION_FAILED'); // EIM-FRG-017
  return { version: last.version, type, sequence: last.sequence, compression, payload, content: open({ type, compression, payload }) };
}

/**
 * The payloads of FRAGMENT frames for one inner payload, compressed already if it is to be (EIM-FRG-001 to EIM-FRG-003).
 * @param {number} id @param {number} type @param {number} compression @param {Buffer} payload
 * @param {number} size most octets of a fragment's payload
 */
export function* fragments(id, type, compression, payload, size) {
  for (let offset = 0; offset < payload.length; ) {
    const head = Buffer.alloc(offset === 0 ? FIRST : FOLLOWING);
    head.writeUInt32BE(id, 0);
    head.writeUInt32BE(offset, 4);
    if (offset === 0) {
      head[8] = type;
      head[9] = compression;
      head.writeUInt32BE(payload.length, 10);
      head.writeUInt32BE(compression === 0 ? payload.length : payload.readUInt32BE(0), 14);
    }
    const data = payload.subarray(offset, offset + size - head.length);
    yield Buffer.concat([head, data]);
    offset += data.length;
  }
}
