// The codec: octets to frames. This is the file to replace by your own, or to grow from here.
//
// What is here: the functions `sequence` and `frameOctets`, and the verdict on a header that is not whole. What comes
// next stands where it belongs, with the requirement it is about: `eim-conformance explain EIM-FRM-008`.

const HEADER_OCTETS = 11;

/** The peer broke a rule: the connection ends with this code. Bugs are other errors. */
export class Reject extends Error {
  /** @param {string} stage @param {string} code */
  constructor(stage, code) {
    super(`${stage}: ${code}`);
    this.stage = stage;
    this.code = code;
  }
}

/** @typedef {{ version: number, type: number, sequence: number, compression: number, payload: Buffer }} Frame */

/** Octets to frames, however they are divided into reads (EIM-FRM-004). */
export class Decoder {
  #buffer = Buffer.alloc(0);
  #frames = 0;
  /** Octets from the beginning of the buffer up to the next decision. */
  #needed = HEADER_OCTETS;

  /** @param {Record<string, any>} config what the receiver has agreed to: role, phase, version, max_payload, … */
  constructor(config) {
    this.config = config;
  }

  /** Octets have arrived. @param {Buffer} octets */
  feed(octets) {
    this.#buffer = Buffer.concat([this.#buffer, octets]);
  }

  /**
   * The next frame that is whole; null when octets are missing; throws Reject when a rule is broken.
   * @returns {Frame | null}
   */
  next() {
    // EIM-FRM-005: fewer than 11 octets are incomplete, whatever they are.
    if (this.#buffer.length < this.#needed) return null;
    // Next: take the header apart (EIM-FRM-001, EIM-FRM-002), judge version, type, compression and length in this
    // order (EIM-FRM-008), at once (EIM-FRM-007), for instance
    //     throw new Reject('header', 'UNSUPPORTED_VERSION');
    // then wait for the payload (this.#needed = HEADER_OCTETS + length, EIM-FRM-006) and return the frame.
    throw new Error('not written yet: a whole header (codec.mjs, Decoder.next)');
  }

  /** Octets up to the next decision; 0 behind the end of a frame. */
  missing() {
    if (this.#frames > 0 && this.#buffer.length === 0) return 0;
    return this.#needed - this.#buffer.length;
  }
}

/** The 32-bit form of an ordinal; it is never 0 (EIM-SEQ-002). @param {bigint} ordinal */
export const sequence = (ordinal) => Number(1n + ((ordinal - 1n) % 0xffff_ffffn));

/** What a frame costs in credit (EIM-WIN-002). @param {number} length */
export const frameOctets = (length) => HEADER_OCTETS + length;
