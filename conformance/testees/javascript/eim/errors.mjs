/**
 * Where in the order of checks (chapter 10.2 and 10.5) a fault belongs.
 * @typedef {'header' | 'length' | 'compression' | 'payload' | 'semantic'} Stage
 */

/** @type {Record<string, Stage>} */
const STAGES = {
  UNSUPPORTED_VERSION: 'header',
  INVALID_TYPE: 'header',
  EXTENSION_NOT_NEGOTIATED: 'header',
  UNEXPECTED_FRAME: 'header',
  BAD_SEQUENCE: 'header',
  CREDIT_EXCEEDED: 'header',
  CREDIT_REDUCED: 'semantic',
  PAYLOAD_TOO_LARGE: 'length',
  UNKNOWN_COMPRESSION: 'compression',
  DECOMPRESSED_TOO_LARGE: 'compression',
  DECOMPRESSION_FAILED: 'compression',
  MALFORMED_PAYLOAD: 'payload',
  MALFORMED_FRAGMENT: 'payload',
};

/** The octets, or a value, break a rule. `code` is a name of the error registry. */
export class Reject extends Error {
  /** @param {string} code @param {string} [reason] for people */
  constructor(code, reason) {
    super(reason ? `${code}: ${reason}` : code);
    this.code = code;
    /** @type {Stage} */
    this.stage = STAGES[code] ?? 'semantic';
  }
}

/** Something that this build cannot do, as opposed to something the protocol forbids. */
export class Unsupported extends Error {}
