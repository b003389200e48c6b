import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as content from '../eim/content.mjs';
import * as derive from '../eim/derive.mjs';
import { prepare } from '../eim/saslprep.mjs';
import { hex } from './helpers.mjs';

test('values of the tour (chapter 05)', () => {
  const id = derive.conversationId(Buffer.alloc(16, 0xb0), Buffer.alloc(16, 0xa1));
  assert.equal(id.toString('hex'), '3d3d507c0f7ab98eecdc18885661d942');

  const hello = hex(`01 01 00000000 00 0000003f 0a0101 120101 1a020102 20808004 2a0d746f75722d636c69656e742f31
    3220c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf`);
  const welcome = hex(`01 02 00000000 00 00000071 0801 120101 1a020102 20808004
    2a12534352414d2d5348412d3235362d504c5553 2a0d534352414d2d5348412d323536 2a0a45494d2d524553554d45 30c8df02
    3a0d746f75722d7365727665722f31 4220505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f`);
  assert.equal(derive.binding(hello, welcome).toString('hex'), 'df2ac4e5002d02220f74771674993d8bcb2869b3cea1d570c62a0afe627f29b0');
});

test('the examples of RFC 4013', () => {
  assert.equal(prepare('I\u00adX'), 'IX');
  assert.equal(prepare('user'), 'user');
  assert.equal(prepare('USER'), 'USER');
  assert.equal(prepare('\u00aa'), 'a');
  assert.equal(prepare('\u2168'), 'IX');
  assert.equal(prepare('a\u3000b'), 'a b');
  for (const text of ['\u0007', '\u06271', '\u0221', '\ud800', 'a\u0627']) {
    assert.throws(() => prepare(text), { code: 'AUTH_FAILED' }, JSON.stringify(text));
  }
});

test('choices', () => {
  assert.deepEqual(derive.errorRule(0x0405), { class: 'session', retryable: true });
  assert.deepEqual(derive.errorRule(0x01ff), { class: 'framing', retryable: false });
  assert.deepEqual(derive.errorRule(0), { class: 'unknown', retryable: false });
  assert.equal(derive.enumValue('Role', 3), 3);
  assert.equal(derive.enumValue('Role', 4), 0);
  derive.checkMessage(0x20, 'é'.repeat(16384));
  assert.throws(() => derive.checkMessage(0x20, 'é'.repeat(16384) + 'e'), { code: 'MESSAGE_TOO_LARGE' }); // EIM-LIM-006
  content.checkNamespace('com.example.poll');
  for (const namespace of ['', 'poll', 'com.', '.com', 'com..poll', 'com.-a', 'com.exa mple']) {
    assert.throws(() => content.checkNamespace(namespace), { code: 'INVALID_MESSAGE' }, namespace);
  }
  content.checkLocation(-90, 180);
  assert.throws(() => content.checkLocation(90.1, 0), { code: 'INVALID_MESSAGE' });
  derive.checkIterations(4096);
  assert.throws(() => derive.checkIterations(1_000_001), { code: 'AUTH_FAILED' });
  const ping = hex('01080000000000000000020801');
  assert.deepEqual(derive.framesOfMessages([ping, Buffer.concat([ping, ping])]), [1, 2]);
  assert.throws(() => derive.framesOfMessages([ping.subarray(0, 12)]), { code: 'SPLIT_FRAME' });
  assert.throws(() => derive.framesOfMessages(['text']), { code: 'SPLIT_FRAME' });
});
