import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RECEIVER } from '../eim/receiver.mjs';
import { Connection, sequenceOf } from '../eim/story.mjs';
import { hex } from './helpers.mjs';

test('the table of chapter 24.1', () => {
  for (const [ordinal, sequence] of /** @type {const} */ ([
    [1n, 1], [4294967294n, 4294967294], [4294967295n, 4294967295], [4294967296n, 1], [4294967297n, 2],
  ])) assert.equal(sequenceOf(ordinal), sequence);
});

test('the peer stays within its numbers and its credit', () => {
  const text = (/** @type {string} */ sequence) => hex(`01 20 ${sequence} 00 00000000`);
  const connection = new Connection(DEFAULT_RECEIVER, { received: 4294967294n });
  assert.throws(() => connection.receive(text('ffffffff')), { code: 'CREDIT_EXCEEDED' });

  const other = new Connection(DEFAULT_RECEIVER, { received: 4294967294n });
  other.grant(4294967296n, 33n);
  other.receive(text('ffffffff'));
  other.receive(text('00000001'));
  assert.deepEqual(other.inbox.map(({ ordinal }) => ordinal), [4294967295n, 4294967296n]);
  assert.throws(() => other.receive(text('00000001')), { code: 'BAD_SEQUENCE' });
});

test('the example of chapter 24.2, and credit that only grows', () => {
  const client = new Connection({ ...DEFAULT_RECEIVER, role: 'client' });
  const send = () => client.send({ type: 0x20, content: Buffer.alloc(200) });
  assert.equal(send(), undefined); // no credit yet
  client.credit({ receivedThrough: 0n, frames: 3n, octets: 633n });
  for (let n = 0; n < 3; n++) assert.equal(send()?.length, 211);
  assert.equal(send(), undefined);
  assert.equal(client.send({ type: 0x08 })?.length, 11); // EIM-WIN-020
  client.credit({ receivedThrough: 3n, frames: 67n, octets: 1049209n });
  assert.equal(send()?.readUInt32BE(2), 4);
  assert.throws(() => client.credit({ receivedThrough: 5n, frames: 67n, octets: 1049209n }), { code: 'CREDIT_REDUCED' });
  assert.throws(() => client.credit({ receivedThrough: 4n, frames: 66n, octets: 1049209n }), { code: 'CREDIT_REDUCED' });
});
