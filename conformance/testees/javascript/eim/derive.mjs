// Functions of the specification that yield octets or a choice.
import { createHash } from 'node:crypto';
import { Reject } from './errors.mjs';
import { countFrames } from './frame.mjs';
import { encode, enumDefines } from './protobuf.mjs';
import { LIMITS, errorClass, errorCode, frameType } from './registry.mjs';

const TEXT = 0x20;

/** @param {...Uint8Array} parts */
function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Id of the direct conversation of two users (EIM-MSG-010). @param {Buffer} a @param {Buffer} b */
export function conversationId(a, b) {
  const [smaller, larger] = Buffer.compare(a, b) <= 0 ? [a, b] : [b, a];
  return sha256(Buffer.from('eim/1 direct', 'ascii'), smaller, larger).subarray(0, 16);
}

/** What authentication is bound to (EIM-AUT-010). @param {Buffer} hello whole frame @param {Buffer} welcome whole frame */
export const binding = (hello, welcome) => sha256(hello, welcome);

/** Channel binding data of `eim-exporter` (EIM-AUT-015, EIM-AUT-016). @param {Buffer} bound @param {Buffer} [exporter] with TLS */
export const channelBinding = (bound, exporter) => exporter ?? bound;

/** What the TLS library is asked to export (EIM-AUT-015). @param {Buffer} bound */
export const exporterContext = (bound) => ({ label: 'EXPORTER-EIM-v1', context: bound });

/** Whether a client derives a key with this count (EIM-AUT-022). @param {number} count */
export function checkIterations(count) {
  if (!Number.isInteger(count) || count < 4096 || count > 1_000_000) throw new Reject('AUTH_FAILED');
}

/** Classes whose rule in chapter 75 leaves room for another attempt. */
const RETRYABLE_CLASSES = new Set(['session', 'capacity', 'server']);

/**
 * The rule for a code: that of the registry, else that of its class (EIM-ERR-013).
 * @param {number} code @param {boolean} retryable as received
 */
export function errorRule(code, retryable = false) {
  const name = errorClass(code);
  if (!name) return { class: 'unknown', retryable: false };
  return { class: name, retryable: errorCode(code)?.retryable ?? (retryable && RETRYABLE_CLASSES.has(name)) };
}

/**
 * The number that counts for a field of an enumeration (EIM-REG-005); undefined if there is no such enumeration.
 * @param {string} name such as "Role" @param {number} number
 */
export function enumValue(name, number) {
  const defined = enumDefines(name, number);
  if (defined === undefined) return undefined;
  if (name === 'ErrorScope') return number === 2 ? 2 : 1; // every scope but SESSION is CONNECTION: EIM-CON-027
  if (name === 'AttachMode' && !defined) throw new Reject('INVALID_VALUE'); // EIM-AUT-002
  return defined ? number : 0;
}

/**
 * The limits of a message whose body is a text: octets, not characters (EIM-LIM-006).
 * @param {number} type @param {string} text
 */
export function checkMessage(type, text) {
  const octets = Buffer.from(text, 'utf8');
  if (type === TEXT && octets.length > LIMITS.text_octets) throw new Reject('MESSAGE_TOO_LARGE'); // EIM-MSG-030
  const body = encode('TextBody', { text: octets });
  if (body.length > LIMITS.message_octets) throw new Reject('MESSAGE_TOO_LARGE'); // EIM-MSG-032
  const { contentCap } = frameType(type);
  if (body.length > contentCap - 256) throw new Reject('MESSAGE_TOO_LARGE'); // EIM-MSG-068
}

/**
 * Frames in each WebSocket message (EIM-TRN-022, EIM-TRN-023).
 * @param {(Buffer | string)[]} messages binary or text
 */
export function framesOfMessages(messages) {
  return messages.map((message) => {
    if (typeof message === 'string') throw new Reject('SPLIT_FRAME');
    return countFrames(message);
  });
}
