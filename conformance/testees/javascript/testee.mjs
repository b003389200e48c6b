// The testee: requests on standard input, replies on standard output, one JSON object a line (conformance/testees/codec.md).
import { readFileSync } from 'node:fs';
import { algorithms } from './eim/compression.mjs';
import { Unsupported } from './eim/errors.mjs';
import { call } from './testee/functions.mjs';
import { operations as octets } from './testee/operations.mjs';

const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));

/** @type {Record<string, (request: Record<string, any>) => Record<string, any>>} */
const operations = { ...octets, derive: call };

const hello = () => ({
  protocol: 1,
  impl: { name: 'eim-codec-javascript', version, language: 'JavaScript' },
  roles: ['codec'],
  spec: ['1.0'],
  ops: Object.keys(operations),
  features: [...algorithms.map((name) => `compression.${name}`), 'extensions'],
  error_fidelity: 'code',
});

/** @param {Record<string, any>} request */
function answer(request) {
  if (request.op === 'hello') return hello();
  if (request.op === 'bye') return {};
  if (!Object.hasOwn(operations, request.op)) return { unsupported: true };
  try {
    return operations[request.op](request);
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: true };
    console.error(`request ${request.id}:`, error);
    return { error: String(error) };
  }
}

/** Lines of standard input; those that arrived together come together. */
async function* batches() {
  /** @type {Buffer[]} */
  let begun = [];
  for await (const chunk of process.stdin) {
    const end = chunk.lastIndexOf(0x0a);
    if (end < 0) {
      begun.push(chunk);
      continue;
    }
    const lines = Buffer.concat([...begun, chunk.subarray(0, end)]).toString('utf8').split('\n');
    begun = [chunk.subarray(end + 1)];
    yield lines;
  }
  const rest = Buffer.concat(begun).toString('utf8');
  if (rest) yield [rest];
}

if (!algorithms.includes('zstd')) console.error('zstd is not installed (npm ci); compression.zstd and compression.zstd-dict-1 are not declared');

for await (const lines of batches()) {
  let replies = '';
  let bye = false;
  for (const line of lines) {
    if (line.trim() === '') continue;
    const request = JSON.parse(line);
    replies += JSON.stringify({ id: request.id, ...answer(request) }) + '\n';
    bye = request.op === 'bye';
    if (bye) break;
  }
  if (replies) await new Promise((resolve) => process.stdout.write(replies, resolve));
  if (bye) process.exit(0);
}
