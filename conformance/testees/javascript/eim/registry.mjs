// Look-ups in the registries (chapter 90). The numbers are in registry-data.mjs.
import { COMPRESSIONS, ERRORS, ERROR_CLASSES, FRAME_TYPES, LIMITS, RANGES } from './registry-data.mjs';

export { LIMITS };

/**
 * What a receiver knows about a type octet.
 * @typedef {object} FrameType
 * @property {number} value
 * @property {string} name empty for a type that is not in the registry
 * @property {string} range
 * @property {boolean} known
 * @property {'frame' | 'refuse' | 'negotiate'} treatment
 * @property {'client' | 'server' | 'both'} direction side that sends it
 * @property {boolean} sequenced those that were negotiated are not, as the testee protocol has it
 * @property {boolean} compression
 * @property {string[]} phases
 * @property {number} wireCap most payload octets on the wire; Infinity: only the limit of the receiver
 * @property {number} contentCap most octets after decompression or reassembly
 * @property {string} payload
 */

/** @type {FrameType[]} */
const TYPES = [];

for (const [first, last, range, unknown] of /** @type {[number, number, string, string][]} */ (RANGES)) {
  for (let value = first; value <= last; value++) TYPES[value] = unknownType(value, range, unknown);
}
for (const row of /** @type {[number, string, any, boolean, boolean, string, number, string][]} */ (FRAME_TYPES)) {
  const [value, name, direction, sequenced, compression, phases, cap, payload] = row;
  TYPES[value] = {
    value, name, direction, sequenced, compression, payload,
    range: TYPES[value].range,
    known: true,
    treatment: 'frame',
    phases: phases.split(' '),
    wireCap: cap,
    contentCap: cap,
  };
}

/**
 * A type that is not in the registry, or only reserved there (EIM-FRM-021): its range decides.
 * @param {number} value @param {string} range @param {string} unknown
 * @returns {FrameType}
 */
function unknownType(value, range, unknown) {
  const ignorable = unknown === 'ignore';
  const negotiable = range === 'extension' || range === 'private';
  return {
    value, range,
    name: '',
    known: false,
    treatment: negotiable ? 'negotiate' : unknown === 'close' ? 'refuse' : 'frame',
    direction: 'both',
    sequenced: !ignorable && !negotiable, // EIM-SEQ-005, EIM-SEQ-006
    compression: !ignorable && !negotiable, // EIM-FRM-022, EIM-FRM-024
    phases: ['open', 'draining'],
    wireCap: ignorable ? LIMITS.ignorable_octets : Infinity, // EIM-FRM-015
    contentCap: LIMITS.message_octets, // EIM-CMP-015
    payload: '',
  };
}

/** @param {number} value a type octet */
export const frameType = (value) => TYPES[value];

const algorithms = new Map(/** @type {[number, string][]} */ (COMPRESSIONS));

/** Name of an active algorithm; undefined for all other numbers. @param {number} value */
export const algorithm = (value) => algorithms.get(value);

/** @type {Map<number, { name: string, retryable: boolean }>} */
const errors = new Map(/** @type {[number, string, boolean][]} */ (ERRORS).map(([value, name, retryable]) => [value, { name, retryable }]));
const classes = new Map(/** @type {[number, string][]} */ (ERROR_CLASSES));

/** A row of the error registry. @param {number} code */
export const errorCode = (code) => errors.get(code);

/** Name of the class in the upper octet of a code. @param {number} code */
export const errorClass = (code) => classes.get(Math.floor(code / 256));
