// What a receiver checks in a header. Chapter 10.2 gives the order, 10.5 goes on with what needs the connection.
import { Reject } from './errors.mjs';
import { LIMITS, algorithm, frameType } from './registry.mjs';

/**
 * @typedef {object} Header
 * @property {number} version
 * @property {number} type
 * @property {number} sequence
 * @property {number} compression
 * @property {number} length
 */

/**
 * A side that receives, as the handshake left it.
 * @typedef {object} Receiver
 * @property {'server' | 'client'} role
 * @property {'handshake' | 'open'} phase
 * @property {number} version the selected version
 * @property {number} maxPayload its max_frame_octets
 * @property {number[]} compressions listed in WELCOME
 * @property {number[]} negotiatedTypes types of the extension and private ranges that belong to a capability in force
 */

/** @type {Receiver} */
export const DEFAULT_RECEIVER = {
  role: 'server',
  phase: 'open',
  version: 1,
  maxPayload: LIMITS.frame_octets,
  compressions: [0, 1, 2, 3],
  negotiatedTypes: [],
};

/** HELLO, WELCOME and ERROR carry version 1 for ever (chapter 22.1). */
const INVARIANT = new Set([0x01, 0x02, 0x06]);

/** The version octet that a type has to carry (EIM-VER-001, EIM-VER-002). @param {number} type @param {Receiver} receiver */
export const versionOf = (type, receiver) => (INVARIANT.has(type) ? 1 : receiver.version);

/**
 * The verdict on a header, due as soon as its eleven octets are there (EIM-FRM-007).
 * @param {Header} header @param {Receiver} receiver
 */
export function checkHeader(header, receiver) {
  const type = frameType(header.type);

  // Checks 1 to 4, in this order (EIM-FRM-008).
  if (header.version !== versionOf(header.type, receiver)) throw new Reject('UNSUPPORTED_VERSION'); // EIM-VER-003, EIM-VER-004
  if (type.treatment === 'refuse') throw new Reject('INVALID_TYPE'); // EIM-FRM-009, EIM-FRM-010
  if (type.treatment === 'negotiate' && !receiver.negotiatedTypes.includes(header.type)) {
    throw new Reject('EXTENSION_NOT_NEGOTIATED'); // EIM-FRM-011
  }
  if (!mayCompress(header.compression, type, receiver)) throw new Reject('UNKNOWN_COMPRESSION');
  if (header.length > maxLength(type, receiver)) throw new Reject('PAYLOAD_TOO_LARGE'); // before any allocation: EIM-LIM-007

  // Checks 5 and 6 need no payload either, so they are made here (chapter 10.5).
  const sender = receiver.role === 'server' ? 'client' : 'server';
  const phases = receiver.phase === 'handshake' ? ['hello', 'auth'] : ['open', 'draining'];
  if (!mayArrive(type, sender) || !type.phases.some((phase) => phases.includes(phase))) {
    throw new Reject('UNEXPECTED_FRAME'); // EIM-FRM-027, EIM-FRM-028
  }
  // Without memory: a sequenced frame has a number, any other has none (EIM-SEQ-003, EIM-SEQ-005).
  if (type.sequenced !== (header.sequence !== 0)) throw new Reject('BAD_SEQUENCE');
}

/**
 * EIM-CMP-006, EIM-CMP-007, EIM-FRM-024. Nothing is compressed before AUTH_OK.
 * @param {number} compression @param {import('./registry.mjs').FrameType} type @param {Receiver} receiver
 */
export function mayCompress(compression, type, receiver) {
  if (compression === 0) return true;
  const negotiated = algorithm(compression) !== undefined && receiver.compressions.includes(compression);
  return negotiated && type.compression && receiver.phase === 'open';
}

/** @param {import('./registry.mjs').FrameType} type @param {'client' | 'server'} sender */
export const mayArrive = (type, sender) => type.direction === 'both' || type.direction === sender;

/** The table of chapter 10.3. @param {import('./registry.mjs').FrameType} type @param {Receiver} receiver */
function maxLength(type, receiver) {
  const limit = receiver.phase === 'handshake' ? LIMITS.handshake_frame_octets : receiver.maxPayload; // EIM-FRM-014, EIM-FRM-012
  return Math.min(limit, type.wireCap); // EIM-FRM-013, EIM-FRM-015
}
