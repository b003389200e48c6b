// Bodies of messages: what a client may send in them (chapters 40, 41, 42), and which spans of a text it shows.
import { Reject } from './errors.mjs';
import { enumDefines, parse } from './protobuf.mjs';
import { LIMITS, frameType } from './registry.mjs';

/** @typedef {import('./protobuf.mjs').Message} Message */

const EMPTY = Buffer.alloc(0);
const ID_OCTETS = 16;
const FORWARD = 0x2b;

/** @param {boolean} fits */
function require(fits) {
  if (!fits) throw new Reject('INVALID_MESSAGE');
}

/** @param {Buffer | undefined} octets @param {number} limit */
function within(octets, limit) {
  if ((octets ?? EMPTY).length > limit) throw new Reject('MESSAGE_TOO_LARGE');
}

/** EIM-CNT-008. @param {(Buffer | undefined)[]} texts */
function words(...texts) {
  for (const text of texts) within(text, LIMITS.caption_octets);
}

const string = (/** @type {Buffer | undefined} */ octets) => (octets ?? EMPTY).toString('utf8');
const isId = (/** @type {Buffer | undefined} */ octets) => octets?.length === ID_OCTETS;

/** @param {Message} body */
function text(body) {
  const mentions = body.mentions ?? [];
  within(body.text, LIMITS.text_octets); // EIM-MSG-030
  require(mentions.length <= LIMITS.text_mentions && (body.spans ?? []).length <= LIMITS.text_spans); // EIM-OPS-002
  require(mentions.every(isId)); // EIM-OPS-001
}

/** Restricted names of RFC 6838 in lower case. */
const MEDIA_TYPE = /^([a-z0-9][a-z0-9!#$&\-^_.+]{0,126})\/[a-z0-9][a-z0-9!#$&\-^_.+]{0,126}$/;
// eslint-disable-next-line no-control-regex
const UNFIT_IN_NAME = /[/\\\x00-\x1f\x7f]/;

/** @param {Message} blob @param {string} kind that the media type must have, or "" @param {boolean} named */
function blobRef(blob, kind, named) {
  require((blob.blob ?? EMPTY).length > 0); // EIM-CNT-002
  within(blob.blob, LIMITS.blob_id_octets);
  require(blob.sha256?.length === 32);
  const type = MEDIA_TYPE.exec(string(blob.media_type)); // EIM-CNT-003
  require(type !== null && (kind === '' || type[1] === kind));
  const name = string(blob.name);
  within(blob.name, LIMITS.file_name_octets); // EIM-CNT-004
  require(!UNFIT_IN_NAME.test(name) && name !== '.' && name !== '..');
  require(!named || name !== ''); // EIM-CNT-005
}

/** @param {string} kind @param {{ named?: boolean, timed?: boolean }} [rules] */
const media = (kind, { named = false, timed = false } = {}) => (/** @type {Message} */ body) => {
  blobRef(body.blob ?? {}, kind, named);
  require((body.width ?? 0) > 0 === (body.height ?? 0) > 0); // EIM-CNT-006
  require(!timed || (body.duration_ms ?? 0n) > 0n); // EIM-CNT-016
  within(body.thumbnail, LIMITS.thumbnail_octets); // EIM-CNT-007
  within(body.waveform, LIMITS.waveform_octets);
  words(body.caption);
};

/** EIM-MSG-034. @param {number} latitude @param {number} longitude */
export function checkLocation(latitude, longitude) {
  const inside = latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180; // false for NaN
  require(inside);
}

/** A host name of at least two labels (RFC 1123), its top level, which comes first, beginning with a letter. */
const REVERSED_DOMAIN = /^(?=.{1,253}$)[a-z]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/i;

/** EIM-MSG-035. @param {string} namespace */
export function checkNamespace(namespace) {
  require(REVERSED_DOMAIN.test(namespace));
}

/** @param {Message} body */
function location(body) {
  const degrees = (/** @type {Buffer | undefined} */ octets) => octets?.readDoubleLE() ?? 0;
  checkLocation(degrees(body.latitude), degrees(body.longitude));
  words(body.label);
}

/** @param {Message} body */
function card({ contact, link }) {
  require(contact !== undefined || link !== undefined); // EIM-CNT-009
  if (contact) {
    require(isId(contact.user));
    words(contact.name);
    return;
  }
  within(link.url, LIMITS.url_octets); // EIM-CNT-010
  require(/^https?:\/\/[!-~]+$/.test(string(link.url)));
  within(link.thumbnail, LIMITS.thumbnail_octets);
  words(link.title, link.text);
}

/** @param {Message} body */
function forward(body) {
  const messages = body.messages ?? [];
  words(body.title);
  require(messages.length >= 1 && messages.length <= LIMITS.forward_messages); // EIM-CNT-011
  for (const { type = 0, sender = EMPTY, name, fallback_text, body: inner = EMPTY } of messages) {
    require(type >= 0x20 && type <= 0x3f && type !== FORWARD); // EIM-CNT-012
    require(sender.length === 0 || isId(sender));
    words(name, fallback_text);
    checkContent(type, inner);
  }
}

/** @type {Record<string, [string, (body: Message) => void]>} message and rules of each type */
const BODIES = {
  TEXT: ['TextBody', text],
  IMAGE: ['MediaBody', media('image')],
  FILE: ['MediaBody', media('', { named: true })],
  VOICE: ['MediaBody', media('audio', { timed: true })],
  VIDEO: ['MediaBody', media('video')],
  LOCATION: ['LocationBody', location],
  CARD: ['CardBody', card],
  CUSTOM: ['CustomBody', (body) => checkNamespace(string(body.namespace))],
  FORWARD: ['ForwardBody', forward],
  NOTICE: ['NoticeBody', (body) => words(body.text)],
};

/**
 * Whether a client may send this body in a message of this type; a Reject says why not.
 * @param {number} type @param {Buffer} octets
 */
export function checkContent(type, octets) {
  const rules = BODIES[frameType(type).name ?? ''];
  if (!rules) return;
  const [message, check] = rules;
  let body;
  try {
    body = parse(message, octets);
  } catch (error) {
    if (error instanceof Reject) throw new Reject('INVALID_MESSAGE'); // EIM-CNT-001
    throw error;
  }
  check(body);
}

/**
 * Kind, start and length of each span that is shown (EIM-OPS-004).
 * @param {Buffer} octets of a TextBody
 * @returns {number[][]}
 */
export function shownSpans(octets) {
  const { text: words = EMPTY, spans = [] } = parse('TextBody', octets);
  const isBorder = (/** @type {number} */ at) => at === words.length || (at < words.length && (words[at] & 0xc0) !== 0x80);
  return spans
    .map((/** @type {Message} */ span) => [span.kind ?? 0, span.start ?? 0, span.length ?? 0])
    .filter(([kind, start, length]) => kind !== 0 && enumDefines('SpanKind', kind) && length > 0 && isBorder(start) && isBorder(start + length));
}
