import {
  EventType,
  memoryStream,
  replayRunStream,
  resumeHttpResponse,
  resumeServerSentEventsResponse,
  type StreamChunk,
  type StreamDurability,
  toHttpResponse,
  toServerSentEventsResponse,
} from '@tanstack/ai';
import { fetchHttpStream, fetchServerSentEvents } from '@tanstack/ai-client';
import { DurableStreamManager, type StreamManager } from 'rxjs-durable-streams';
import { streamDurability } from 'rxjs-durable-streams/ai';
import { redisEngine } from 'rxjs-durable-streams/redis';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { clear, newPrefix, REDIS_URL } from '../support/redis.js';
import { gate } from './support/gate.js';
import { needServers, PLACES } from './support/places.js';

beforeAll(needServers);

const text = (delta: string): StreamChunk => ({
  type: EventType.TEXT_MESSAGE_CONTENT,
  messageId: 'm',
  delta,
});
const started: StreamChunk = { type: EventType.RUN_STARTED, threadId: 't', runId: 'run-1' };
const finished: StreamChunk = { type: EventType.RUN_FINISHED, threadId: 't', runId: 'run-1' };

/** A run by hand: what it says, with a wait wherever there is a promise. */
async function* run(...parts: readonly (string | Promise<void>)[]): AsyncGenerator<StreamChunk> {
  yield started;
  for (const part of parts) {
    if (typeof part === 'string') yield text(part);
    else await part;
  }
  yield finished;
}

const words = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i} `);

/** What a run has said, and how it has ended. */
async function said(chunks: AsyncIterable<StreamChunk>): Promise<string> {
  let all = '';
  for await (const chunk of chunks) {
    if (chunk.type === EventType.TEXT_MESSAGE_CONTENT) all += chunk.delta;
    if (chunk.type === EventType.RUN_FINISHED) all += '|';
    if (chunk.type === EventType.RUN_ERROR) all += `#${chunk.message}`;
  }
  return all;
}

interface Wire {
  readonly respond: typeof toServerSentEventsResponse;
  readonly resume: typeof resumeServerSentEventsResponse;
  readonly connect: typeof fetchServerSentEvents;
}

const WIRES: Readonly<Record<string, Wire>> = {
  'server-sent events': {
    respond: toServerSentEventsResponse,
    resume: resumeServerSentEventsResponse,
    connect: fetchServerSentEvents,
  },
  'lines of JSON': { respond: toHttpResponse, resume: resumeHttpResponse, connect: fetchHttpStream },
};

const PAIRS = Object.keys(PLACES).flatMap((place) =>
  Object.keys(WIRES).map((wire) => [place, wire] as const),
);

describe.each(PAIRS)('TanStack AI on %s, by %s', (place, wire) => {
  const { respond, resume, connect } = WIRES[wire] as Wire;

  const serve = (makeRun: () => AsyncIterable<StreamChunk>) => {
    const streams: StreamManager = (PLACES[place] as NonNullable<(typeof PLACES)[string]>)();
    const requests: Request[] = [];
    const handle = (request: Request): Response => {
      requests.push(request);
      const adapter = streamDurability<StreamChunk>(streams, request);
      return request.method === 'POST'
        ? respond(makeRun(), { durability: { adapter, batch: 4 }, debug: false })
        : resume({ adapter });
    };
    /** A client whose connections are cut after so many bytes each, as long as there is a number. */
    const client = (...cuts: number[]) =>
      connect('http://localhost/api/chat', {
        fetchClient: (url, init) => {
          const response = handle(new Request(url, init));
          const cut = cuts.shift();
          return Promise.resolve(cut === undefined ? response : cutAfter(response, cut));
        },
        reconnect: { delayMs: 0 },
      });
    return { streams, requests, handle, client };
  };
  const send = (client: ReturnType<typeof fetchServerSentEvents>) =>
    said(client.connect([], undefined, undefined, { threadId: 't', runId: 'run-1' }));

  it('gives a run to its client', async () => {
    const { client } = serve(() => run('Hello', ' world'));

    expect(await send(client())).toBe('Hello world|');
  });

  it('goes on after connections that are cut, without running the model again', async () => {
    let runs = 0;
    const { client, requests } = serve(async function* () {
      runs++;
      yield* run(...words(50));
    });

    expect(await send(client(700, 1_500, 900))).toBe(`${words(50).join('')}|`);
    expect(requests.map(({ headers }) => headers.has('Last-Event-ID'))).toEqual([false, true, true, true]);
    expect(requests[1]?.headers.get('X-Run-Id')).toBe('run-1');
    expect(runs).toBe(1);
  });

  it('lets a second client join a run in its middle, and others once it is over', async () => {
    const { opened, open } = gate();
    const { client, streams } = serve(() => run('one ', 'two ', 'three ', 'four ', opened, 'five'));
    const first = send(client());
    await expect.poll(() => streams.list()).toHaveLength(1);
    const joining = client().joinRun('run-1');
    const iterator = joining[Symbol.asyncIterator]();
    let seen = '';
    while (seen !== 'one two three ') {
      const next = await iterator.next();
      if (next.done === true) throw new Error('The run has ended too early.');
      if (next.value.type === EventType.TEXT_MESSAGE_CONTENT) seen += next.value.delta;
    }
    open();

    expect(await said({ [Symbol.asyncIterator]: () => iterator })).toBe('four five|');
    expect(await first).toBe('one two three four five|');
    expect(await said(client(300, 300).joinRun('run-1'))).toBe('one two three four five|');
  });

  it('finishes a run whose client has left', async () => {
    const { opened, open } = gate();
    const { handle, client } = serve(() => run('one ', opened, 'two'));
    const response = handle(
      new Request('http://localhost/', { method: 'POST', headers: { 'X-Run-Id': 'run-1' } }),
    );
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    open();

    expect(await said(client().joinRun('run-1'))).toBe('one two|');
  });

  it('tells everybody that a run has failed', async () => {
    async function* failing(): AsyncGenerator<StreamChunk> {
      yield* [started, text('half')];
      await Promise.resolve();
      throw new Error('the model is away');
    }
    const { client } = serve(failing);

    expect(await send(client())).toBe('half#the model is away');
    expect(await said(client().joinRun('run-1'))).toBe('half#the model is away');
  });

  it('tells a client that joins a run which is not there', async () => {
    const { client } = serve(() => run());

    expect(await said(client().joinRun('run-2'))).toContain('#There is no stream "tanstack-ai:run-2"');
  });

  it('ends a run that is stopped, for its client and its model', async () => {
    let returned = false;
    async function* endless(): AsyncGenerator<StreamChunk> {
      try {
        yield started;
        for (;;) {
          yield text('.');
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        returned = true;
      }
    }
    const { client, streams } = serve(endless);
    const reading = send(client());
    await expect.poll(async () => (await streams.list()).map(({ chunks }) => chunks > 5)).toEqual([true]);
    await streams.stop('tanstack-ai:run-1', { reason: 'enough' });

    expect(await reading).toMatch(/^\.+#enough$/);
    expect(returned).toBe(true);
  });

  it('answers 400 to a reader who says neither run nor place', () => {
    const { handle } = serve(() => run());

    expect(handle(new Request('http://localhost/')).status).toBe(400);
  });
});

describe('streamDurability', () => {
  it('ends a run whose process is gone, for whoever reads it in another one', async () => {
    const prefix = newPrefix();
    onTestFinished(() => clear(prefix));
    const [producing, reading] = [0, 1].map(
      () => new DurableStreamManager(redisEngine({ connection: REDIS_URL, prefix })),
    ) as [DurableStreamManager, DurableStreamManager];
    onTestFinished(() => reading.close());
    const producer = streamDurability<StreamChunk>(producing, { runId: 'run-1' }, { lease: 500 });
    await producer.append([started, text('half')]);
    const adapter = streamDurability<StreamChunk>(reading, { runId: 'run-1', offset: '-1' });
    const response = resumeServerSentEventsResponse({ adapter });
    await producing.close();

    expect(await response.text()).toMatch(/"half".*RUN_ERROR.*The producer was gone/s);
  });

  const ours = () => {
    const streams = (PLACES['memory'] as NonNullable<(typeof PLACES)[string]>)();
    return (runId: string): StreamDurability => streamDurability<StreamChunk>(streams, { runId });
  };

  it.each([
    [
      'memoryStream of TanStack AI',
      () =>
        (runId: string): StreamDurability =>
          memoryStream({ runId }),
    ],
    ['ours', ours],
  ])('does what %s does', async (_, setUp) => {
    const runId = crypto.randomUUID();
    const of = setUp();
    const producer = of(runId);
    expect(producer.resumeFrom()).toBeNull();
    expect(await producer.snapshot()).toEqual([]);
    const joining = said(replayRunStream(of(runId)));
    const [first = '', second = ''] = await producer.append([started, text('a')]);
    expect(first).not.toBe(second);
    expect(await of(runId).snapshot()).toEqual([
      { offset: first, chunk: started },
      { offset: second, chunk: text('a') },
    ]);
    const [third] = await producer.append([finished]);
    await producer.close();
    await producer.close();

    expect(await joining).toBe('a|');
    const rest: unknown[] = [];
    for await (const placed of of(runId).read(second)) rest.push(placed);
    expect(rest).toEqual([{ offset: third, chunk: finished }]);
    expect(await said(replayRunStream(of(runId), first))).toBe('a|');
    await expect(said(replayRunStream(of(crypto.randomUUID()), '-1'))).rejects.toThrow();
  });
});

/** A response whose body breaks after so many bytes. */
function cutAfter(response: Response, bytes: number): Response {
  let left = bytes;
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk.subarray(0, left));
        left -= chunk.length;
        if (left <= 0) controller.error(new TypeError('terminated'));
      },
    }),
  );
  return new Response(body as BodyInit, response);
}
