// The Protobuf wire format: tags, variable-length integers, lengths, groups (EIM-CNV-003, EIM-CNV-005, EIM-CNV-008).
import { Reject } from './errors.mjs';

export const VARINT = 0;
export const FIXED64 = 1;
export const DELIMITED = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const FIXED32 = 5;

/** Messages and groups below the payload itself (EIM-CNV-008). */
const MAX_DEPTH = 100;

/** @param {string} reason @returns {never} */
export function malformed(reason) {
  throw new Reject('MALFORMED_PAYLOAD', reason);
}

/** Reads one message from `start` to `end`. */
export class WireReader {
  /** @param {Buffer} octets @param {number} start @param {number} end @param {number} depth */
  constructor(octets, start = 0, end = octets.length, depth = 0) {
    if (depth > MAX_DEPTH) malformed('nested too deep');
    this.octets = octets;
    this.at = start;
    this.end = end;
    this.depth = depth;
    /** Of the last tag. */
    this.field = 0;
    this.wireType = 0;
    /** Of the last variable-length integer: its lower and its upper 32 bits. */
    this.low = 0;
    this.high = 0;
  }

  /** Reads the next tag into `field` and `wireType`; false at the end. */
  next() {
    if (this.at === this.end) return false;
    this.varint();
    this.field = this.low >>> 3;
    this.wireType = this.low & 7;
    if (this.high !== 0) malformed('field number too large');
    if (this.field === 0) malformed('field number 0');
    return true;
  }

  /** Reads an integer of up to ten octets and 64 bits into `low` and `high` (EIM-CNV-005). */
  varint() {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at === this.end) malformed('ends inside an integer');
      const octet = this.octets[this.at++];
      const bits = octet & 0x7f;
      if (shift === 63 && bits > 1) malformed('integer of more than 64 bits');
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      if (octet < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    malformed('integer of more than ten octets');
  }

  /** Passes over `octets` octets and returns where they begin. @param {number} octets */
  skip(octets) {
    const start = this.at;
    if (octets > this.end - start) malformed('ends inside a field');
    this.at = start + octets;
    return start;
  }

  /** Passes over the content of a length-delimited field; it then lies between the result and `at`. */
  delimited() {
    this.varint();
    if (this.high !== 0) malformed('ends inside a field');
    return this.skip(this.low);
  }

  /** A reader of the content of a length-delimited field, which is a message. */
  message() {
    const start = this.delimited();
    return new WireReader(this.octets, start, this.at, this.depth + 1);
  }

  /** Passes over the value of a field that nobody knows (EIM-EXT-001). */
  unknown() {
    switch (this.wireType) {
      case VARINT: this.varint(); break;
      case FIXED64: this.skip(8); break;
      case DELIMITED: this.delimited(); break;
      case START_GROUP: this.group(); break;
      case FIXED32: this.skip(4); break;
      default: malformed(this.wireType === END_GROUP ? 'group that was not begun' : 'unknown wire type');
    }
  }

  /** Passes over a group, whose start has been read, to its end. Groups inside it are kept on a list, not on the stack. */
  group() {
    const open = [this.field];
    while (open.length > 0) {
      if (this.depth + open.length > MAX_DEPTH) malformed('nested too deep');
      if (!this.next()) malformed('group without an end');
      if (this.wireType === START_GROUP) open.push(this.field);
      else if (this.wireType !== END_GROUP) this.unknown();
      else if (open.pop() !== this.field) malformed('group ended by another');
    }
  }
}

/** Collects the octets of a message. */
export class WireWriter {
  constructor() {
    /** @type {Uint8Array[]} */
    this.parts = [];
  }

  /** @param {number} field @param {number} wireType */
  tag(field, wireType) {
    this.varint((field << 3) | wireType);
  }

  /** In as few octets as possible. @param {number | bigint} value not negative */
  varint(value) {
    const octets = [];
    if (typeof value === 'bigint') {
      for (; value >= 0x80n; value >>= 7n) octets.push(Number(value & 0x7fn) | 0x80);
      octets.push(Number(value));
    } else {
      for (; value >= 0x80; value = Math.floor(value / 128)) octets.push((value % 128) | 0x80);
      octets.push(value);
    }
    this.parts.push(Uint8Array.from(octets));
  }

  /** @param {Uint8Array} octets */
  delimited(octets) {
    this.varint(octets.length);
    this.parts.push(octets);
  }

  finish() {
    return Buffer.concat(this.parts);
  }
}
