import assert from 'node:assert/strict';
import { test } from 'node:test';
import { close } from '../eim/compression.mjs';
import { Reassembly, fragments } from '../eim/fragments.mjs';
import { DEFAULT_RECEIVER } from '../eim/receiver.mjs';
import { hex } from './helpers.mjs';

const fragment = (/** @type {Buffer} */ payload, sequence = 1) => ({ version: 1, type: 0x10, sequence, compression: 0, payload });

test('the example of chapter 14.1', () => {
  const reassembly = new Reassembly(DEFAULT_RECEIVER);
  const first = hex('00000007 00000000 27 00 00000006 00000006 0a04aabb');
  assert.equal(reassembly.fragment(fragment(first, 5)), undefined);
  const message = reassembly.fragment(fragment(hex('00000007 00000004 ccdd'), 6));
  assert.deepEqual({ type: message?.type, sequence: message?.sequence, content: message?.content.toString('hex') }, {
    type: 0x27, sequence: 6, content: '0a04aabbccdd',
  });
  assert.equal(reassembly.reserved, 0);
});

test('messages that pass each other, compressed', () => {
  const reassembly = new Reassembly(DEFAULT_RECEIVER);
  const contents = [0, 1, 2, 3].map((n) => Buffer.from(`message ${n} `.repeat(3000)));
  const parts = contents.map((content, n) => [...fragments(n, 0x27, n & 2, close(n & 2, content), 100)]);
  const got = new Map();
  for (let i = 0; parts.some((list) => i < list.length); i++) {
    parts.forEach((list, n) => {
      const message = list[i] && reassembly.fragment(fragment(list[i]));
      if (message) got.set(n, message.content);
    });
  }
  contents.forEach((content, n) => assert.ok(got.get(n)?.equals(content)));
  assert.equal(reassembly.reserved, 0);
});

test('contradictions', () => {
  const reject = (/** @type {string[]} */ ...payloads) => {
    const reassembly = new Reassembly(DEFAULT_RECEIVER);
    try {
      for (const payload of payloads) reassembly.fragment(fragment(hex(payload)));
      return undefined;
    } catch (error) {
      return /** @type {any} */ (error).code;
    }
  };
  const first = '00000007 00000000 27 00 00000006 00000006 0a04';
  assert.equal(reject('00000007 00000004'), 'MALFORMED_FRAGMENT'); // EIM-FRG-008
  assert.equal(reject('00000007 00000000 27 00 00000006 00000006'), 'MALFORMED_FRAGMENT');
  assert.equal(reject(first, first), 'MALFORMED_FRAGMENT'); // EIM-FRG-009
  assert.equal(reject('00000007 00000004 aa'), 'MALFORMED_FRAGMENT'); // EIM-FRG-010
  assert.equal(reject(first, '00000007 00000003 aa'), 'MALFORMED_FRAGMENT'); // EIM-FRG-011
  assert.equal(reject(first, '00000007 00000002 aaaaaaaaaa'), 'MALFORMED_FRAGMENT'); // EIM-FRG-012
  assert.equal(reject('00000007 00000000 08 00 00000006 00000006 0a'), 'MALFORMED_FRAGMENT'); // EIM-FRG-013
  assert.equal(reject('00000007 00000000 48 00 00000006 00000006 0a'), 'UNEXPECTED_FRAME'); // EIM-FRG-014
  assert.equal(reject('00000007 00000000 27 09 00000006 00000006 0a'), 'UNKNOWN_COMPRESSION'); // EIM-FRG-015
  assert.equal(reject('00000007 00000000 28 01 00000006 00000006 0a'), 'UNKNOWN_COMPRESSION');
  assert.equal(reject('00000007 00000000 27 00 00000006 00000007 0a'), 'MALFORMED_FRAGMENT'); // EIM-FRG-016
  assert.equal(reject('00000007 00000000 27 02 00000005 00000001 00000000 00'), 'DECOMPRESSION_FAILED'); // EIM-FRG-017
  const opened = [0, 1, 2, 3, 4].map((id) => first.replace('7', String(id)));
  assert.equal(reject(...opened.slice(0, 4)), undefined);
  assert.equal(reject(...opened), 'TOO_MANY_FRAGMENTS'); // EIM-FRG-025
});

test('a message that fails takes nothing and hinders nobody', () => {
  const reassembly = new Reassembly(DEFAULT_RECEIVER);
  assert.equal(reassembly.fragment(fragment(hex('00000001 00000000 25 00 00002001 00002001 00'))), undefined); // LOCATION, 8,193 octets
  assert.equal(reassembly.reserved, 0);
  assert.equal(reassembly.fragment(fragment(Buffer.concat([hex('00000001 00000001'), Buffer.alloc(8192)]))), undefined);
  assert.equal(reassembly.open.size, 0);
  assert.throws(() => reassembly.cancel(hex('0801')), { code: 'MALFORMED_FRAGMENT' }); // EIM-FRG-035
});
