// Which message a payload is: the registry names it for the type, and for messages the direction decides.
import { frameType } from './registry.mjs';

/**
 * Name of the Protobuf message of a frame type; undefined for unknown types and for payloads of fixed octets.
 * @param {number} type
 * @param {'client' | 'server'} receiver
 * @returns {string | undefined}
 */
export function messageOf(type, receiver) {
  const names = frameType(type).payload.split('|');
  const name = receiver === 'client' ? names[names.length - 1] : names[0]; // "eim.v1.Send|eim.v1.Push"
  return name.startsWith('eim.v1.') ? name.slice('eim.v1.'.length) : undefined;
}
