import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode, parse } from '../eim/protobuf.mjs';
import { hex } from './helpers.mjs';

/** @param {string} type @param {string} octets */
const canonical = (type, octets) => encode(type, parse(type, hex(octets))).toString('hex');
/** @param {string} type @param {string} octets */
const refused = (type, octets) => assert.throws(() => parse(type, hex(octets)), { code: 'MALFORMED_PAYLOAD' }, octets);

test('messages of the chapters', () => {
  const hello = `0a0101 120101 1a0101 20808004 3220${'6e'.repeat(32)}`; // 20.2
  assert.deepEqual(parse('Hello', hex(hello)), {
    versions: [1], compressions: [1], capabilities: [1], max_frame_octets: 65536, nonce: Buffer.alloc(32, 'n'),
  });
  for (const [type, octets] of [
    ['Hello', hello],
    ['Window', '0803 1043 18f98440'], // 24.2
    ['Cursor', '0801 10ac02 180c'], // 24.4
    ['Pong', '0807 1001 18ac02 2015'], // 28.2
    ['Request', '0a10019b76daa80070008000000000000001 1001 820100'], // 05, step 4: an empty member of a oneof stays
    ['GoAway', '0801 108827 18d00f 220d 08830e 1206757064617465 1801'], // 05, step 11
  ]) assert.equal(canonical(type, octets), hex(octets).toString('hex'));
});

test('EIM-CNV-003, EIM-CNV-004: every valid encoding', () => {
  assert.equal(canonical('Window', '1043 0803'), '08031043'); // any order
  assert.equal(canonical('Hello', '0801 0802 0a0103'), '0a03010203'); // unpacked and packed
  assert.equal(canonical('Ping', '0881808080808080808000'), '0801'); // ten octets
  assert.equal(canonical('Ping', '0800'), ''); // a default written out
  assert.equal(canonical('Ping', '0801 0802'), '0802'); // the last value
  assert.equal(canonical('Send', '0a0161 120162'), '120162'); // the last member of a oneof
  assert.equal(canonical('Error', '0a020801 0a021801'), '0a0408011801'); // merged
  assert.equal(canonical('Ping', '0801 1201ff 1d00000000 210000000000000000'), '0801'); // unknown field
  assert.equal(canonical('Ping', '1b 0801 23 24 1c 0805'), '0805'); // unknown group
  assert.equal(canonical('Auth', '28ffffffffffffffffff01'), '28ffffffffffffffffff01'); // enumerations are open
});

test('EIM-CNV-005 to EIM-CNV-008: what does not parse', () => {
  refused('Ping', '08'); // ends inside a field
  refused('Ping', '1202ff');
  refused('Ping', '0001'); // field 0
  refused('Ping', '0e'); // wire type 6
  refused('Ping', '1b'); // group without an end
  refused('Ping', '1c'); // end without a group
  refused('Ping', '1b24'); // end of another group
  refused('Ping', '088080808080808080808000'); // eleven octets
  refused('Ping', '0a0101'); // wire type
  refused('Hello', '2a01ff'); // not UTF-8
  refused('Hello', '2a03eda080'); // a surrogate
  assert.equal(canonical('Ping', '1b'.repeat(100) + '1c'.repeat(100)), '');
  refused('Ping', '1b'.repeat(101) + '1c'.repeat(101));
});
