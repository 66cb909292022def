import { setTimeout as sleep } from 'node:timers/promises';

import { StreamError, toStreamError } from '../errors.js';
import { jsonMessages } from '../http/json-messages.js';
import { OUTCOME, parseOutcome } from '../outcome-wire.js';
import { parsed, streamUrl } from './arguments.js';
import { print } from './output.js';
import { type Answer, ask, CLIENT_OPTIONS, refusalOf, type Remote, remoteOf } from './remote.js';

/** How often, in ms, a server is asked at most that answers at once although there is nothing new. */
const RESTLESS_MS = 500;

/** `tail`: prints what a stream has and what comes, until it is closed. Fails if it was closed with an error. */
export async function tail(args: readonly string[]): Promise<void> {
  const { values, positionals } = parsed(
    args,
    {
      ...CLIENT_OPTIONS,
      from: { type: 'string', default: 'start' },
      offsets: { type: 'boolean', default: false },
    },
    ['URL of the stream'],
  );
  const remote = remoteOf(streamUrl(positionals[0] as string), values.token);
  await follow(remote, await startOf(remote, values.from), values.offsets);
}

/** The offset to begin at. What is now is asked for once: what comes after that is missed by no lost connection. */
async function startOf(remote: Remote, from: string): Promise<string> {
  if (from === 'start') return '-1';
  return from === 'now' ? nextOffset(await page(remote, { offset: 'now' }, 0), from) : from;
}

async function follow(remote: Remote, from: string, tellsOffsets: boolean): Promise<void> {
  let offset = from;
  let cursor: string | undefined;
  // Who begins is told that there is no server; who has begun waits for it to come back.
  for (let patience = 0; ; patience = Infinity) {
    const asked = performance.now();
    const answer = await page(
      remote,
      { offset, live: 'long-poll', ...(cursor !== undefined && { cursor }) },
      patience,
    );
    cursor = answer.headers.get('stream-cursor') ?? undefined;
    const before = offset;
    offset = nextOffset(answer, offset);
    if (answer.body.byteLength > 0) await print(printable(answer));
    if (tellsOffsets && offset !== before) process.stderr.write(`${offset}\n`);
    if (answer.headers.get('stream-closed')?.toLowerCase() === 'true') {
      assertDone(answer);
      return;
    }
    const isRestless = offset === before && performance.now() - asked < RESTLESS_MS;
    if (isRestless) await sleep(RESTLESS_MS);
  }
}

/** Throws the error that a stream has ended with, if it has. */
function assertDone({ headers }: Answer): void {
  const outcome = parseOutcome(headers.get(OUTCOME) ?? '');
  if (outcome?.type !== 'error') return;
  // One that is too long is not said: who reads this can do without.
  const { code, message } = toStreamError(outcome.error);
  const what = outcome.long === true ? 'an error.' : `${code}: ${message}`;
  throw new StreamError(code, `The stream has ended with ${what}`);
}

async function page(
  remote: Remote,
  query: Readonly<Record<string, string>>,
  patience: number,
): Promise<Answer> {
  const answer = await ask(remote, { method: 'GET', query }, patience);
  if (answer.status !== 200 && answer.status !== 204) throw refusalOf(answer, remote);
  return answer;
}

const nextOffset = ({ headers }: Answer, otherwise: string): string =>
  headers.get('stream-next-offset') ?? otherwise;

/** What was read as it is printed: of JSON, a line for each message. */
function printable({ headers, body }: Answer): string | Uint8Array {
  if (!/^application\/json\s*(;|$)/i.test(headers.get('content-type') ?? '')) return body;
  const messages = jsonMessages(new TextDecoder().decode(body));
  // A line break in a JSON text means no more than a space does.
  return messages.map((message) => `${message.replace(/[\r\n]+/g, ' ')}\n`).join('');
}
