import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import * as lz4 from '../eim/lz4.mjs';
import * as snappy from '../eim/snappy.mjs';
import * as zstd from '../eim/zstd.mjs';
import { hex } from './helpers.mjs';

const AS = Buffer.alloc(20, 'a');

test('the examples of chapter 12.1', () => {
  assert.deepEqual(lz4.decompress(hex('1a 61 01 00 50 61 61 61 61 61'), 20), AS);
  assert.deepEqual(snappy.decompress(hex('14 00 61 4a 01 00'), 20), AS);
});

test('what is compressed is restored', () => {
  const noise = randomBytes(70_000);
  const contents = [Buffer.alloc(0), AS, noise, Buffer.alloc(1_114_112), Buffer.from('one, two, three. '.repeat(5000)), Buffer.concat([noise, AS, noise])];
  for (const [name, algorithm] of Object.entries({ lz4, snappy, ...(zstd.available && { zstd, dictionary: zstd.withDictionary }) })) {
    for (const content of contents) {
      const data = algorithm.compress(content);
      assert.ok(algorithm.decompress(data, content.length)?.equals(content), `${name}, ${content.length} octets`);
      assert.equal(algorithm.decompress(data, content.length + 1), undefined);
      if (content.length > 0) assert.equal(algorithm.decompress(data, content.length - 1), undefined);
      assert.equal(algorithm.decompress(Buffer.concat([data, Buffer.alloc(1)]), content.length), undefined);
      for (const end of [0, 1, data.length >> 1, data.length - 1].filter((cut) => cut < data.length)) {
        assert.equal(algorithm.decompress(data.subarray(0, end), content.length), undefined, `${name} cut at ${end}`);
      }
    }
  }
});

test('zstd: what the protocol does not permit', { skip: !zstd.available && 'zstd is not installed' }, () => {
  const a = hex('61 61 61 61');
  const frame = (/** @type {string} */ header, block = '230000') => zstd.decompress(hex(`28b52ffd ${header} ${block} 61`), 4);
  assert.deepEqual(frame('20 04'), a); // single segment, one RLE block
  assert.deepEqual(frame('00 00'), a); // window of 1 KiB, no size
  assert.deepEqual(frame('00 50'), a); // window of 1 MiB
  assert.equal(frame('00 51'), undefined); // one step above: EIM-CMP-020
  assert.equal(frame('20 05'), undefined); // another size
  assert.equal(frame('21 07 04'), undefined); // dictionary 7: EIM-CMP-021
  assert.equal(frame('28 04'), undefined); // reserved bit
  assert.equal(frame('20 04', '270000'), undefined); // reserved block type
  assert.equal(frame('20 04', '220000'), undefined); // no last block
  const good = hex('28b52ffd 20 04 230000 61');
  assert.equal(zstd.decompress(Buffer.concat([good, good]), 8), undefined); // two frames: EIM-CMP-019
  assert.equal(zstd.decompress(Buffer.concat([hex('502a4d18 00000000'), good]), 4), undefined); // skippable frame first
  assert.equal(zstd.decompress(hex('28b52ffd 24 04 230000 61 00000000'), 4), undefined); // checksum: EIM-CMP-022
});
