// One side of a connection that is open: ordinals and credit (chapters 24.1 and 24.2). 64 bits throughout (EIM-WIN-021).
import { Reject } from './errors.mjs';
import { FrameReader, HEADER_OCTETS, encodeFrame } from './frame.mjs';
import { frameType } from './registry.mjs';

const MODULUS = 2n ** 32n - 1n;

/** The sequence of an ordinal (EIM-SEQ-002). @param {bigint} ordinal @returns {number} */
export const sequenceOf = (ordinal) => Number(1n + ((ordinal - 1n) % MODULUS));

/** What a frame costs in credit (EIM-WIN-002). @param {number} length of its header */
export const frameOctets = (length) => HEADER_OCTETS + length;

/** Frames of one direction: how many there were, and how many there may be. */
class Direction {
  /** @param {bigint} ordinal of the last frame @param {bigint} octets of all frames through it */
  constructor(ordinal, octets) {
    this.ordinal = ordinal;
    this.octets = octets;
    this.frameCredit = 0n;
    this.octetCredit = 0n;
  }

  /** Whether the next frame is within the credit (EIM-WIN-001, EIM-WIN-003). @param {number} length */
  permits(length) {
    return this.ordinal + 1n <= this.frameCredit && this.octets + BigInt(frameOctets(length)) <= this.octetCredit;
  }

  /** Counts the next frame and gives its ordinal. @param {number} length */
  count(length) {
    this.octets += BigInt(frameOctets(length));
    return ++this.ordinal;
  }
}

/**
 * WINDOW.
 * @typedef {{ receivedThrough: bigint, frames: bigint, octets: bigint }} Window
 */

/** Numbers the frames of one side, keeps its credit, and checks its peer. */
export class Connection {
  /**
   * @param {import('./receiver.mjs').Receiver} receiver this side
   * @param {{ sent?: bigint, received?: bigint, sentOctets?: bigint, receivedOctets?: bigint }} start
   */
  constructor(receiver, { sent = 0n, received = 0n, sentOctets = 0n, receivedOctets = 0n } = {}) {
    this.peer = { ...receiver, role: /** @type {'server' | 'client'} */ (receiver.role === 'server' ? 'client' : 'server') };
    this.outgoing = new Direction(sent, sentOctets);
    this.incoming = new Direction(received, receivedOctets);
    /** @type {Window} the last one of the peer */
    this.window = { receivedThrough: 0n, frames: 0n, octets: 0n };
    /** @type {{ frame: import('./frame.mjs').Frame, ordinal: bigint | undefined }[]} */
    this.inbox = [];
    this.reader = new FrameReader(receiver, (frame) => this.#accept(frame), (header) => this.#check(header));
  }

  /** We have sent WINDOW: the credit of the peer. It only grows (EIM-WIN-008). @param {bigint} frames @param {bigint} octets */
  grant(frames, octets) {
    if (frames > this.incoming.frameCredit) this.incoming.frameCredit = frames;
    if (octets > this.incoming.octetCredit) this.incoming.octetCredit = octets;
  }

  /** The peer has sent WINDOW: our credit. @param {Window} window */
  credit(window) {
    const lower = /** @type {const} */ (['receivedThrough', 'frames', 'octets']).some((field) => window[field] < this.window[field]);
    if (lower) throw new Reject('CREDIT_REDUCED'); // EIM-WIN-009
    if (window.receivedThrough > this.outgoing.ordinal) throw new Reject('CREDIT_REDUCED'); // EIM-WIN-010
    this.window = window;
    this.outgoing.frameCredit = window.frames;
    this.outgoing.octetCredit = window.octets;
  }

  /** Octets of the peer. Frames that are whole go to `inbox`. @param {Buffer} octets */
  receive(octets) {
    this.reader.push(octets);
  }

  /**
   * The octets of a frame, numbered when it is sent and not before (EIM-SEQ-008); undefined if credit is missing.
   * @param {import('./frame.mjs').Outgoing} frame its sequence is given here
   * @returns {Buffer | undefined}
   */
  send(frame) {
    const sequenced = frameType(frame.type).sequenced === true; // others are never held back: EIM-WIN-020
    const sequence = sequenced ? sequenceOf(this.outgoing.ordinal + 1n) : 0;
    const octets = encodeFrame({ ...frame, sequence }, this.peer);
    if (!sequenced) return octets;
    const length = octets.length - HEADER_OCTETS;
    if (!this.outgoing.permits(length)) return undefined;
    this.outgoing.count(length);
    return octets;
  }

  /** Sequence, then credit (EIM-FRM-026); both need the header only. @param {import('./receiver.mjs').Header} header */
  #check({ type, sequence, length }) {
    if (!frameType(type).sequenced) return;
    if (sequence !== sequenceOf(this.incoming.ordinal + 1n)) throw new Reject('BAD_SEQUENCE'); // EIM-SEQ-004
    if (!this.incoming.permits(length)) throw new Reject('CREDIT_EXCEEDED'); // EIM-WIN-003
  }

  /** @param {import('./frame.mjs').Frame} frame */
  #accept(frame) {
    const ordinal = frameType(frame.type).sequenced ? this.incoming.count(frame.payload.length) : undefined;
    this.inbox.push({ frame, ordinal });
  }
}
