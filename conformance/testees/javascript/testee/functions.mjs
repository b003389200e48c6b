// The functions of the operation `derive`.
import { checkContent, checkLocation, checkNamespace, shownSpans } from '../eim/content.mjs';
import * as derive from '../eim/derive.mjs';
import { Reject, Unsupported } from '../eim/errors.mjs';
import { prepare } from '../eim/saslprep.mjs';
import { frameOctets, sequenceOf } from '../eim/story.mjs';
import { fromHex } from './octets.mjs';

/** @typedef {Record<string, any>} Json */

/** A check that passes yields true. @param {void} _passed */
const passed = (_passed) => true;

/** @type {Record<string, (args: Json) => any>} */
const FUNCTIONS = {
  conversation_id: ({ a, b }) => derive.conversationId(fromHex(a), fromHex(b)).toString('hex'),
  binding: ({ hello, welcome }) => derive.binding(fromHex(hello), fromHex(welcome)).toString('hex'),
  channel_binding: ({ binding, exporter }) =>
    derive.channelBinding(fromHex(binding), exporter === undefined ? undefined : fromHex(exporter)).toString('hex'),
  exporter_context: ({ binding }) => {
    const { label, context } = derive.exporterContext(fromHex(binding));
    return { label, context: context.toString('hex') };
  },
  sequence: ({ ordinal }) => sequenceOf(BigInt(ordinal)),
  frame_octets: ({ length }) => frameOctets(Number(length)),
  prepare: ({ text }) => prepare(text),
  iterations: ({ count }) => passed(derive.checkIterations(Number(count))),
  error_rule: ({ code, retryable }) => derive.errorRule(Number(code), retryable === true),
  location: ({ latitude, longitude }) => passed(checkLocation(latitude, longitude)),
  custom_namespace: ({ namespace }) => passed(checkNamespace(namespace)),
  content: ({ type, body }) => passed(checkContent(Number(type), fromHex(body))),
  spans: ({ body }) => shownSpans(fromHex(body)),
  enum: (args) => {
    const value = derive.enumValue(args.enum.replace(/^eim\.v1\./, ''), Number(args.number));
    if (value === undefined) throw new Unsupported(args.enum);
    return value;
  },
  message_limit: ({ type, text }) => passed(derive.checkMessage(type, text)),
  websocket: ({ messages }) => derive.framesOfMessages(messages.map((/** @type {Json} */ m) => m.text ?? fromHex(m.binary))),
};

/** @param {Json} request */
export function call(request) {
  const name = request.function;
  if (!Object.hasOwn(FUNCTIONS, name)) throw new Unsupported(name);
  try {
    return { value: FUNCTIONS[name](request.arguments ?? {}) };
  } catch (error) {
    if (error instanceof Reject) return { reject: { code: error.code } };
    throw error;
  }
}
