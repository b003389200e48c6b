import { open } from '../eim/compression.mjs';
import { Reject } from '../eim/errors.mjs';
import { FrameReader } from '../eim/frame.mjs';
import { DEFAULT_RECEIVER } from '../eim/receiver.mjs';

/** Octets as the chapters write them. @param {string} text */
export const hex = (text) => Buffer.from(text.replace(/\s+/g, ''), 'hex');

/**
 * Frames, then the code of a rejection or the number of octets that are missing.
 * @param {Buffer} octets @param {Partial<import('../eim/receiver.mjs').Receiver>} [config] @param {number} [chunk] octets a read
 * @returns {{ frames: string[], end: string | number }} type:content
 */
export function read(octets, config = {}, chunk = octets.length || 1) {
  /** @type {string[]} */
  const frames = [];
  const reader = new FrameReader({ ...DEFAULT_RECEIVER, ...config }, (frame) => {
    frames.push(`${frame.type.toString(16)}:${open(frame).toString('hex')}`);
  });
  try {
    for (let at = 0; at < octets.length; at += chunk) reader.push(octets.subarray(at, at + chunk));
    return { frames, end: reader.missing() };
  } catch (error) {
    if (error instanceof Reject) return { frames, end: error.code };
    throw error;
  }
}
