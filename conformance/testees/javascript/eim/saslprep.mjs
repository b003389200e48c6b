// SASLprep (RFC 4013), the stringprep profile (RFC 3454) for user names and passwords (EIM-AUT-020).
import { Reject } from './errors.mjs';
import * as data from './stringprep-data.mjs';

const UNASSIGNED = table(data.UNASSIGNED);
const TO_NOTHING = table(data.TO_NOTHING);
const TO_SPACE = table(data.TO_SPACE);
const PROHIBITED = table(data.PROHIBITED);
const RIGHT_TO_LEFT = table(data.RIGHT_TO_LEFT);
const LEFT_TO_RIGHT = table(data.LEFT_TO_RIGHT);

/** Code points at which a table begins and ends, in turn. @param {string} distances */
function table(distances) {
  let at = 0;
  return Uint32Array.from(distances.split(' '), (distance) => (at += parseInt(distance, 36)));
}

/** @param {Uint32Array} borders @param {string} character */
function contains(borders, character) {
  const point = /** @type {number} */ (character.codePointAt(0));
  let low = 0;
  let high = borders.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (borders[middle] <= point) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 1;
}

/**
 * The prepared text, as a stored string: unassigned code points are prohibited. What is prohibited is a Reject.
 * @param {string} text
 */
export function prepare(text) {
  const mapped = [...text].filter((c) => contains(TO_SPACE, c) || !contains(TO_NOTHING, c)).map((c) => (contains(TO_SPACE, c) ? ' ' : c));
  // Unicode 3.2 is the version of RFC 3454; normalisation of what was assigned then has not changed since.
  if (mapped.some((c) => contains(UNASSIGNED, c))) throw new Reject('AUTH_FAILED', 'unassigned');
  const prepared = [...mapped.join('').normalize('NFKC')];
  if (prepared.some((c) => contains(PROHIBITED, c))) throw new Reject('AUTH_FAILED', 'prohibited');

  // Section 6 of RFC 3454: text from right to left is so at both ends, and has nothing from left to right in it.
  if (prepared.some((c) => contains(RIGHT_TO_LEFT, c))) {
    const ends = [prepared[0], prepared[prepared.length - 1]];
    if (prepared.some((c) => contains(LEFT_TO_RIGHT, c)) || !ends.every((c) => contains(RIGHT_TO_LEFT, c))) {
      throw new Reject('AUTH_FAILED', 'bidirectional');
    }
  }
  return prepared.join('');
}
