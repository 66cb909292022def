import { OUTCOME } from '../outcome-wire.js';
import { parsed, streamUrl } from './arguments.js';
import { print } from './output.js';
import { ask, CLIENT_OPTIONS, refusalOf, remoteOf } from './remote.js';

/** What there is to tell of a stream. */
const FIELDS = [
  'content-type',
  'stream-next-offset',
  'stream-closed',
  OUTCOME,
  'stream-ttl',
  'stream-expires-at',
];

/** `head`: prints what a stream is, by the header fields that tell it. */
export async function head(args: readonly string[]): Promise<void> {
  const { values, positionals } = parsed(args, CLIENT_OPTIONS, ['URL of the stream']);
  const remote = remoteOf(streamUrl(positionals[0] as string), values.token);
  const answer = await ask(remote, { method: 'HEAD' });
  if (answer.status !== 200) throw refusalOf(answer, remote);
  let lines = '';
  for (const name of FIELDS) {
    const value = answer.headers.get(name);
    if (value !== null) lines += `${name}: ${value}\n`;
  }
  await print(lines);
}
