import { parsed, streamUrl } from './arguments.js';
import { batches } from './batches.js';
import { jsonLines } from './json-lines.js';
import { print } from './output.js';
import { type Answer, ask, CLIENT_OPTIONS, refusalOf, type Remote, remoteOf } from './remote.js';

/** About how many bytes are appended at once. */
const MAX_BYTES = 2 ** 20;
/** For how long, in ms, it is tried to append. */
const PATIENCE_MS = 30_000;
const DEFAULT_TYPE = 'text/plain';

/** `append`: appends standard input as it comes. */
export async function append(args: readonly string[]): Promise<void> {
  const { values, positionals } = parsed(
    args,
    {
      ...CLIENT_OPTIONS,
      create: { type: 'boolean', default: false },
      'content-type': { type: 'string' },
      close: { type: 'boolean', default: false },
    },
    ['URL of the stream'],
  );
  const remote = remoteOf(streamUrl(positionals[0] as string), values.token);
  const found = await findOrCreate(remote, values.create, values['content-type']);
  const type = values['content-type'] ?? found.headers.get('content-type') ?? DEFAULT_TYPE;
  const producer = new Producer(remote, type, found);
  try {
    for await (const body of bodiesOf(type)) await producer.append(body);
  } finally {
    // Else whoever still writes to it would keep the process, although it has failed.
    process.stdin.destroy();
  }
  if (values.close) await producer.close();
  await print(`${producer.offset}\n`);
}

async function findOrCreate(remote: Remote, creates: boolean, contentType = DEFAULT_TYPE): Promise<Answer> {
  const found = await ask(remote, { method: 'HEAD' });
  if (found.status === 200) return found;
  if (found.status !== 404 || !creates) throw refusalOf(found, remote);
  const headers = { 'content-type': contentType };
  const created = await ask(remote, { method: 'PUT', headers }, PATIENCE_MS);
  if (created.status > 201) throw refusalOf(created, remote);
  return created;
}

/** The bodies to append: of JSON, with all lines that have come by then, of all else, with all bytes. */
async function* bodiesOf(type: string): AsyncGenerator<string | Uint8Array, void, undefined> {
  const input: AsyncIterable<Uint8Array> = process.stdin;
  if (/^application\/json\s*(;|$)/i.test(type)) {
    for await (const lines of batches(jsonLines(input), ({ length }) => length, MAX_BYTES)) {
      yield `[${lines.join(',')}]`;
    }
  } else {
    for await (const parts of batches(input, ({ length }) => length, MAX_BYTES)) yield Buffer.concat(parts);
  }
}

/** Appends to a stream in order, and each body once, however often it has to be sent. */
class Producer {
  readonly #id = `cli-${crypto.randomUUID()}`;
  #seq = 0;
  /** Behind what was appended. */
  offset: string;

  constructor(
    private readonly remote: Remote,
    private readonly contentType: string,
    { headers }: Answer,
  ) {
    this.offset = headers.get('stream-next-offset') ?? '';
  }

  append(body: string | Uint8Array): Promise<void> {
    return this.#send({ 'content-type': this.contentType }, body);
  }

  close(): Promise<void> {
    return this.#send({ 'stream-closed': 'true' });
  }

  async #send(headers: Readonly<Record<string, string>>, body?: string | Uint8Array): Promise<void> {
    const producer = { 'producer-id': this.#id, 'producer-epoch': '0', 'producer-seq': String(this.#seq) };
    const answer = await ask(
      this.remote,
      { method: 'POST', headers: { ...headers, ...producer }, ...(body !== undefined && { body }) },
      PATIENCE_MS,
    );
    if (answer.status !== 200 && answer.status !== 204) throw refusalOf(answer, this.remote);
    this.offset = answer.headers.get('stream-next-offset') ?? this.offset;
    this.#seq++;
  }
}
