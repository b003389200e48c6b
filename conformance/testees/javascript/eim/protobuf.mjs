// Protobuf messages of the payloads (chapter 00.5), driven by the tables of schema-data.mjs.
import { isUtf8 } from 'node:buffer';
import { ENUMS, MESSAGES } from './schema-data.mjs';
import { DELIMITED, FIXED64, VARINT, WireReader, WireWriter, malformed } from './wire.mjs';

/**
 * A parsed message: field name to value. Numbers of 32 bits and enumerations are numbers, of 64 bits bigints; octets are
 * Buffers, as are doubles (their eight octets). Repeated fields are lists, embedded messages objects. What is absent is not there.
 * @typedef {Record<string, any>} Message
 */

/**
 * @typedef {object} Field
 * @property {number} number
 * @property {string} name
 * @property {'uint32' | 'uint64' | 'bool' | 'enum' | 'string' | 'bytes' | 'double' | 'message'} kind
 * @property {number} wireType
 * @property {string} type name of the message or enumeration
 * @property {boolean} repeated
 * @property {string[]} rivals the other members of its oneof
 * @property {boolean} presence whether absence differs from the default
 */

/** @type {Map<string, Map<number, Field>>} fields in ascending order of their numbers */
const SCHEMA = new Map(Object.entries(MESSAGES).map(([name, rows]) => [name, table(rows)]));

/** @param {string[]} rows */
function table(rows) {
  const fields = rows.map((row) => {
    const [number, name, type, label, oneof] = row.split(' ');
    const kind = type in MESSAGES ? 'message' : type in ENUMS ? 'enum' : type;
    const wireType = kind === 'double' ? FIXED64 : ['string', 'bytes', 'message'].includes(kind) ? DELIMITED : VARINT;
    return /** @type {Field & { oneof: string }} */ ({
      number: Number(number), name, kind, wireType, type, oneof,
      repeated: label === 'repeated',
      rivals: [],
      presence: label === 'oneof' || kind === 'message',
    });
  });
  for (const field of fields) {
    if (field.oneof) field.rivals = fields.filter((f) => f.oneof === field.oneof && f !== field).map((f) => f.name);
  }
  return new Map(fields.sort((a, b) => a.number - b.number).map((field) => [field.number, /** @type {Field} */ (field)]));
}

/** @param {string} type such as "Hello" */
function fieldsOf(type) {
  const fields = SCHEMA.get(type);
  if (!fields) throw new TypeError(`no message ${type}`);
  return fields;
}

/**
 * Parses octets as a message. What is wrong is a Reject with MALFORMED_PAYLOAD.
 * @param {string} type @param {Buffer} octets
 * @returns {Message}
 */
export function parse(type, octets) {
  return parseInto({}, type, new WireReader(octets));
}

/** @param {Message} message @param {string} type @param {WireReader} reader */
function parseInto(message, type, reader) {
  const fields = fieldsOf(type);
  while (reader.next()) {
    const field = fields.get(reader.field);
    if (!field) reader.unknown(); // EIM-EXT-001
    else if (reader.wireType === field.wireType) parseField(message, field, reader);
    else if (field.repeated && field.wireType === VARINT && reader.wireType === DELIMITED) parsePacked(message, field, reader);
    else malformed(`wire type ${reader.wireType} for ${type}.${field.name}`); // EIM-CNV-006
  }
  return message;
}

/** @param {Message} message @param {Field} field @param {WireReader} reader */
function parseField(message, field, reader) {
  for (const rival of field.rivals) delete message[rival]; // the last member of a oneof counts (EIM-CNV-004)
  if (field.kind === 'message') {
    const inner = reader.message();
    if (field.repeated) (message[field.name] ??= []).push(parseInto({}, field.type, inner));
    else parseInto((message[field.name] ??= {}), field.type, inner); // merged (EIM-CNV-004)
  } else if (field.repeated) (message[field.name] ??= []).push(scalar(field, reader));
  else message[field.name] = scalar(field, reader);
}

/** EIM-CNV-003: repeated numbers may be packed. @param {Message} message @param {Field} field @param {WireReader} reader */
function parsePacked(message, field, reader) {
  const start = reader.delimited();
  const packed = new WireReader(reader.octets, start, reader.at, reader.depth);
  const values = (message[field.name] ??= []);
  while (packed.at < packed.end) values.push(scalar(field, packed));
}

/** @param {Field} field @param {WireReader} reader */
function scalar(field, reader) {
  if (field.kind === 'double') {
    const start = reader.skip(8);
    return reader.octets.subarray(start, reader.at);
  }
  if (field.wireType === DELIMITED) {
    const start = reader.delimited();
    const value = reader.octets.subarray(start, reader.at);
    if (field.kind === 'string' && !isUtf8(value)) malformed(`${field.name} is not UTF-8`); // EIM-CNV-007
    return value;
  }
  reader.varint();
  switch (field.kind) {
    case 'uint32': return reader.low;
    case 'enum': return reader.low | 0; // open, and signed
    case 'bool': return reader.low !== 0 || reader.high !== 0;
    default: return (BigInt(reader.high) << 32n) | BigInt(reader.low);
  }
}

/**
 * The canonical encoding: known fields in the order of their numbers, repeated numbers packed, defaults left out.
 * @param {string} type @param {Message} message
 */
export function encode(type, message) {
  const writer = new WireWriter();
  for (const field of fieldsOf(type).values()) {
    const value = message[field.name];
    if (value === undefined) continue;
    if (!field.repeated) {
      if (field.presence || !isDefault(value)) encodeField(writer, field, value);
    } else if (field.wireType !== VARINT) {
      for (const item of value) encodeField(writer, field, item);
    } else if (value.length > 0) {
      const packed = new WireWriter();
      for (const item of value) packed.varint(number(field, item));
      writer.tag(field.number, DELIMITED);
      writer.delimited(packed.finish());
    }
  }
  return writer.finish();
}

/** @param {any} value */
function isDefault(value) {
  if (Buffer.isBuffer(value)) return value.length === 0;
  return value === 0 || value === 0n || value === false;
}

/** @param {WireWriter} writer @param {Field} field @param {any} value */
function encodeField(writer, field, value) {
  writer.tag(field.number, field.wireType);
  if (field.kind === 'message') writer.delimited(encode(field.type, value));
  else if (field.kind === 'double') writer.parts.push(value);
  else if (field.wireType === DELIMITED) writer.delimited(value);
  else writer.varint(number(field, value));
}

/** @param {Field} field @param {any} value */
function number(field, value) {
  if (field.kind === 'bool') return value ? 1 : 0;
  return field.kind === 'enum' && value < 0 ? BigInt.asUintN(64, BigInt(value)) : value;
}

/** Whether an enumeration defines a number; undefined if there is no such enumeration. @param {string} name @param {number} value */
export function enumDefines(name, value) {
  return /** @type {Record<string, number[]>} */ (ENUMS)[name]?.includes(value);
}
