// The operations of the testee protocol: JSON in, the codec, JSON out.
import { open } from '../eim/compression.mjs';
import { Reject } from '../eim/errors.mjs';
import { CANCEL, FRAGMENT, Reassembly } from '../eim/fragments.mjs';
import { FrameReader, encodeFrame } from '../eim/frame.mjs';
import { messageOf } from '../eim/payload.mjs';
import { encode as encodeMessage, parse } from '../eim/protobuf.mjs';
import { DEFAULT_RECEIVER } from '../eim/receiver.mjs';
import { Connection } from '../eim/story.mjs';
import { fromChunk, fromHex, toReply } from './octets.mjs';

/** @typedef {import('../eim/frame.mjs').Frame} Frame */
/** @typedef {import('../eim/receiver.mjs').Receiver} Receiver */
/** @typedef {Record<string, any>} Json */

/** @param {Json} [config] @returns {Receiver} */
function receiverOf(config = {}) {
  const { max_payload = DEFAULT_RECEIVER.maxPayload, negotiated_types = [], ...rest } = config;
  return { ...DEFAULT_RECEIVER, ...rest, maxPayload: max_payload, negotiatedTypes: negotiated_types };
}

/** @param {Frame} frame */
const headerOf = ({ version, type, sequence, compression }) => ({ version, type, sequence, compression });
/** @param {Frame} frame */
const wire = (frame) => ({ ...headerOf(frame), payload_hex: toReply(frame.payload) });
/** @param {Frame} frame @param {Buffer} content */
const opened = (frame, content) => ({ ...headerOf(frame), content_hex: toReply(content) });

/** @type {Record<string, (receiver: Receiver) => (frame: Frame) => Json | undefined>} */
const DEPTHS = {
  decode: () => wire,
  open: () => (frame) => opened(frame, open(frame)),
  message: (receiver) => (frame) => {
    const content = open(frame);
    const reply = opened(frame, content);
    const type = messageOf(frame.type, receiver.role);
    if (!type) return reply;
    return { ...reply, canonical_hex: toReply(encodeMessage(type, parse(type, content))) };
  },
  reassemble: (receiver) => {
    const reassembly = new Reassembly(receiver);
    return (frame) => {
      if (frame.type === FRAGMENT) {
        const message = reassembly.fragment(frame);
        return message && opened(message, message.content);
      }
      const content = open(frame);
      if (frame.type === CANCEL) reassembly.cancel(content);
      return opened(frame, content);
    };
  },
};

/** @param {string} depth @param {Json} request */
function read(depth, { config, chunks }) {
  const receiver = receiverOf(config);
  const show = DEPTHS[depth](receiver);
  /** @type {Json[]} */
  const frames = [];
  const reader = new FrameReader(receiver, (frame) => {
    const shown = show(frame);
    if (shown) frames.push(shown);
  });
  return { frames, ...outcome(reader, () => chunks.forEach((/** @type {any} */ chunk) => reader.push(fromChunk(chunk)))) };
}

/** Nothing more, incomplete, or reject. @param {FrameReader} reader @param {() => void} push */
function outcome(reader, push) {
  try {
    push();
  } catch (error) {
    if (!(error instanceof Reject)) throw error;
    return { reject: { stage: error.stage, code: error.code } };
  }
  const missing = reader.missing();
  return missing > 0 ? { incomplete: { need_at_least: missing } } : {};
}

/** @param {Json} request */
function encode({ config, frame }) {
  const receiver = receiverOf(config);
  return refusable(() => ({ octets: encodeFrame(outgoing(frame), receiver).toString('hex') }));
}

/** @param {Json} frame @returns {import('../eim/frame.mjs').Outgoing} */
function outgoing({ version, type, sequence, compression, payload_hex = '', content_hex }) {
  const header = { version, type, sequence, compression };
  return content_hex === undefined ? { ...header, payload: fromHex(payload_hex) } : { ...header, content: fromHex(content_hex) };
}

/** @param {() => Json} act */
function refusable(act) {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Reject)) throw error;
    return { refuse: { code: error.code } };
  }
}

/** @param {Json} request */
function story({ config, start = {}, steps }) {
  const connection = new Connection(receiverOf(config), {
    sent: BigInt(start.sent ?? 0),
    received: BigInt(start.received ?? 0),
    sentOctets: BigInt(start.sent_octets ?? 0),
    receivedOctets: BigInt(start.received_octets ?? 0),
  });
  let closed = false;
  return {
    steps: steps.map((/** @type {Json} */ step) => {
      if (closed) return { closed: true };
      const result = act(connection, step);
      closed = 'reject' in result;
      return result;
    }),
  };
}

/** @param {Connection} connection @param {Json} step @returns {Json} */
function act(connection, step) {
  if (step.grant) {
    connection.grant(BigInt(step.grant.frames ?? 0), BigInt(step.grant.octets ?? 0));
    return {};
  }
  if (step.credit) {
    const { received_through = 0, frames = 0, octets = 0 } = step.credit;
    try {
      connection.credit({ receivedThrough: BigInt(received_through), frames: BigInt(frames), octets: BigInt(octets) });
    } catch (error) {
      if (!(error instanceof Reject)) throw error;
      return { reject: { stage: error.stage, code: error.code } };
    }
    return {};
  }
  if (step.receive) {
    const end = outcome(connection.reader, () => step.receive.forEach((/** @type {any} */ chunk) => connection.receive(fromChunk(chunk))));
    const frames = connection.inbox.splice(0).map(({ frame, ordinal }) =>
      ordinal === undefined ? wire(frame) : { ...wire(frame), ordinal: String(ordinal) });
    return { frames, ...end };
  }
  return refusable(() => {
    const octets = connection.send(outgoing(step.send));
    return octets ? { octets: octets.toString('hex') } : { blocked: true };
  });
}

/** @type {Record<string, (request: Json) => Json>} */
export const operations = {
  decode: (request) => read('decode', request),
  open: (request) => read('open', request),
  message: (request) => read('message', request),
  reassemble: (request) => read('reassemble', request),
  encode,
  story,
};
