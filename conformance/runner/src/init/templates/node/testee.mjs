// The loop of a testee: one JSON object a line in, one a line out. See `eim-conformance init-testee` and codec.md.
//
// Nothing of EIM itself is here: that is codec.mjs. Nothing but replies may go to standard output: use console.error,
// never console.log, for what you want to see while you work. The suite shows the end of it when the testee crashes.
import { createInterface } from 'node:readline';
import { Decoder, Reject, frameOctets, sequence } from './codec.mjs';

/** Who this is. Declare what you have, and no more: what is declared has to work. */
const hello = () => ({
  protocol: 1,
  impl: { name: 'my-codec', version: '0.1', language: 'JavaScript' },
  roles: ['codec'],
  spec: ['1.0'],
  // Next: 'open', 'message', 'reassemble', 'encode', 'story', once decode is green.
  ops: ['decode', 'derive'],
  // Next: 'compression.zstd', 'compression.lz4', 'compression.snappy', 'compression.zstd-dict-1', 'extensions'.
  features: [],
  // 'stage' while the stages are right and the codes are not yet; 'code' compares both.
  error_fidelity: 'code',
});

/**
 * A chunk is hexadecimal, or octets repeated: {"repeat":"00","count":65536}.
 * @param {string | { repeat: string, count: number }} chunk
 */
function octets(chunk) {
  if (typeof chunk === 'string') return Buffer.from(chunk, 'hex');
  const one = Buffer.from(chunk.repeat, 'hex');
  return Buffer.alloc(one.length * chunk.count, one);
}

/** Feeds the chunks one by one, as reads from a socket would bring them, and reports every frame that was whole. */
function decode(request) {
  const decoder = new Decoder(request.config ?? {});
  const frames = [];
  try {
    for (const chunk of request.chunks) {
      decoder.feed(octets(chunk));
      for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
        const { payload, ...header } = frame;
        frames.push({ ...header, payload_hex: payload.toString('hex') });
      }
    }
  } catch (fault) {
    if (!(fault instanceof Reject)) throw fault;
    return { frames, reject: { stage: fault.stage, code: fault.code } };
  }
  const missing = decoder.missing();
  return missing === 0 ? { frames } : { frames, incomplete: { need_at_least: missing } };
}

/** Functions that yield a value. One that is not written yet is `unsupported`. */
function derive(request) {
  const given = request.arguments;
  switch (request.function) {
    case 'sequence':
      // Ordinals may exceed 2^53, so they are strings in JSON, and bigints here.
      return { value: sequence(BigInt(given.ordinal)) };
    case 'frame_octets':
      return { value: frameOctets(given.length) };
    // Next: 'conversation_id' (SHA-256, EIM-MSG-010), 'binding', 'error_rule', …
    default:
      return { unsupported: true };
  }
}

const operations = new Map([['hello', hello], ['decode', decode], ['derive', derive], ['bye', () => ({})]]);

/** The reply to a request, without its id. */
function answer(request) {
  const operation = operations.get(request.op);
  if (!operation) return { unsupported: true };
  try {
    return operation(request);
  } catch (fault) {
    // A bug fails this case and no other; it is never a rejection.
    console.error(`request ${request.id}:`, fault);
    return { error: String(fault) };
  }
}

// One reply to each request, in order, until `bye` or the end of the input.
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const request = JSON.parse(line);
  process.stdout.write(JSON.stringify({ id: request.id, ...answer(request) }) + '\n');
  if (request.op === 'bye') break;
}
