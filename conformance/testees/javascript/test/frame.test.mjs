import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrame } from '../eim/frame.mjs';
import { DEFAULT_RECEIVER } from '../eim/receiver.mjs';
import { hex, read } from './helpers.mjs';
import * as zstd from '../eim/zstd.mjs';

test('the examples of chapter 10.6', () => {
  const examples = /** @type {const} */ ([
    ['01 3e 00 00 00 01 00 00 00 00 00', ['3e:'], 0],
    ['01 20 00 00 00 01 00 ff ff ff', [], 1],
    ['01 20 00 00 00 01 00 ff ff ff ff', [], 'PAYLOAD_TOO_LARGE'],
    ['02 00 00 00 00 00 09 ff ff ff ff', [], 'UNSUPPORTED_VERSION'],
    ['01 00 00 00 00 00 09 ff ff ff ff', [], 'INVALID_TYPE'],
    ['01 08 00 00 00 00 09 ff ff ff ff', [], 'UNKNOWN_COMPRESSION'],
    ['01 08 00 00 00 00 00 00 00 04 01', [], 'PAYLOAD_TOO_LARGE'],
    ['', [], 11],
  ]);
  for (const [octets, frames, end] of examples) assert.deepEqual(read(hex(octets)), { frames, end }, octets);
});

test('EIM-FRM-004: reads of any size give the same frames', () => {
  const octets = hex('01080000000000000000020801 01e50000000000000000 03d00d1e 0120000000010000000005 0a03616263 01090000');
  const whole = read(octets);
  assert.deepEqual(whole, { frames: ['8:0801', 'e5:d00d1e', '20:0a03616263'], end: 7 });
  for (let chunk = 1; chunk < octets.length; chunk++) assert.deepEqual(read(octets, {}, chunk), whole);
});

test('phase and direction', () => {
  const end = (/** @type {string} */ octets, /** @type {object} */ config = {}) => read(hex(octets), config).end;
  assert.equal(end('0101000000000000000000'), 'UNEXPECTED_FRAME'); // HELLO after AUTH_OK
  assert.equal(end('0101000000000000000000', { phase: 'handshake' }), 0);
  assert.equal(end('0101000000000000000000', { phase: 'handshake', role: 'client' }), 'UNEXPECTED_FRAME');
  assert.equal(end('0120000000010000000000', { phase: 'handshake' }), 'UNEXPECTED_FRAME');
  assert.equal(end('01e5000000000000000000', { phase: 'handshake' }), 'UNEXPECTED_FRAME'); // EIM-FRM-028
  assert.equal(end('0129000000010000000000'), 'UNEXPECTED_FRAME'); // NOTICE comes from the server
  assert.equal(end('0180000000000000000000'), 'EXTENSION_NOT_NEGOTIATED');
  assert.equal(end('0180000000000000000000', { negotiatedTypes: [0x80] }), 0);
  assert.equal(end('0120000000000000000000'), 'BAD_SEQUENCE');
  assert.equal(end('0108000000010000000000'), 'BAD_SEQUENCE');
});

test('what is encoded is what a receiver reads', () => {
  const content = Buffer.from('0a03616263'.repeat(200), 'hex');
  for (const compression of zstd.available ? [0, 1, 2, 3] : [0, 2, 3]) {
    const octets = encodeFrame({ type: 0x20, sequence: 7, compression, content }, DEFAULT_RECEIVER);
    assert.deepEqual(read(octets), { frames: [`20:${content.toString('hex')}`], end: 0 });
  }
  assert.throws(() => encodeFrame({ type: 0x08, sequence: 1 }, DEFAULT_RECEIVER), { code: 'BAD_SEQUENCE' });
  assert.throws(() => encodeFrame({ type: 0x20, sequence: 1, content: Buffer.alloc(40961) }, DEFAULT_RECEIVER), { code: 'PAYLOAD_TOO_LARGE' });
  assert.throws(() => encodeFrame({ type: 0x20, sequence: 1, compression: 2, content: Buffer.alloc(40961) }, DEFAULT_RECEIVER), {
    code: 'DECOMPRESSED_TOO_LARGE',
  });
});
