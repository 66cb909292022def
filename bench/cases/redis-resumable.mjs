import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { createResumableStreamContext as theirContext } from 'resumable-stream/ioredis';

import { inStore, openOn, URLS } from '../networked.mjs';
import { now } from '../sampling.mjs';

/** A chunk has so many characters; one that says when it was written begins with that. */
const LENGTH = 128;
const chunkAt = (at) => `${at}`.padEnd(LENGTH, ' the quick brown fox');
/** So many chunks that go ahead, and then are counted; at full speed, or one each ms. */
const LOADS = {
  full: { warmUp: 5_000, count: 25_000 },
  moderate: { warmUp: 2_000, count: 5_000, everyNs: 1_000_000 },
};

/** What a source writes, when its time has come. */
async function* chunks({ warmUp, count, everyNs }) {
  const from = now();
  for (let i = 0; i < warmUp + count; i++) {
    if (everyNs !== undefined) while (now() < from + i * everyNs) await wait(1);
    yield chunkAt(now());
  }
}

const streamOf = (source) =>
  new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });

/** Waits for the listener, so that nothing is written before it is there. */
async function* afterListener(load) {
  await once(process, 'message');
  yield* chunks(load);
}

/** Begins to listen once the stream is there, and gives the text that comes. */
async function* resumed(context) {
  let stream;
  while (!stream) {
    stream = await context.resumeExistingStream('stream');
    if (!stream) await wait(20);
  }
  yield* stream;
}

const contexts = {
  async adapter(store) {
    const { createResumableStreamContext } = await import(new URL('ai.js', process.env.BENCH_OURS));
    return createResumableStreamContext({ streams: await openOn('redis', store) });
  },
  resumable: async (store) =>
    theirContext({
      waitUntil: null,
      keyPrefix: `${store}-theirs`,
      publisher: new Redis(URLS.redis),
      subscriber: new Redis(URLS.redis),
    }),
};

/** A manager on the engine, written and read without an adapter. */
const engine = {
  async produce(store, load) {
    const input = (await openOn('redis', store)).open('stream');
    let count = 0;
    for await (const chunk of afterListener(load)) {
      input.next(chunk);
      if (++count % 500 === 0 && load.everyNs === undefined) await input.flush();
    }
    input.complete();
    await input.flush();
  },
  async *read(store) {
    yield* (await openOn('redis', store)).subscribe('stream', { wait: 10_000 });
  },
};
const viaContext = (peer) => ({
  async produce(store, load) {
    const context = await contexts[peer](store);
    await context.createNewResumableStream('stream', () => streamOf(afterListener(load)));
  },
  read: async function* (store) {
    yield* resumed(await contexts[peer](store));
  },
});
const PEERS = { engine, adapter: viaContext('adapter'), resumable: viaContext('resumable') };

const p99 = (values) => values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)];

/** Text has chunks of one length, however it comes; `told` is called with each, and their number. */
function inChunks(told) {
  let text = '';
  let count = 0;
  return (more) => {
    text += more;
    let at = 0;
    for (; text.length - at >= LENGTH; at += LENGTH) told(text.slice(at, at + LENGTH), ++count);
    text = text.slice(at);
  };
}

/** From a producer in one process to one listener in another, on the same Redis. */
export default {
  params: Object.keys(LOADS),
  peers: Object.keys(PEERS),
  unit: 'µs',
  async run(peer, param) {
    if (peer === 'producer') {
      await PEERS[param.peer].produce(param.store, LOADS[param.load]);
      await wait(60_000);
      return undefined;
    }
    return inStore('redis', async (store) => {
      const { warmUp, count, everyNs } = LOADS[param];
      const args = [
        'measure.mjs',
        'redis-resumable',
        'producer',
        JSON.stringify({ peer, store, load: param }),
      ];
      const producer = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      try {
        let from = 0;
        const taken = [];
        const tell = inChunks((chunk, number) => {
          if (number === warmUp) from = now();
          if (number > warmUp && everyNs !== undefined) taken.push(now() - Number.parseInt(chunk, 10));
          if (number === warmUp + count) taken.push((now() - from) / count);
        });
        const reading = PEERS[peer].read(store);
        let next = reading.next();
        // It is there as soon as it has been answered; what is asked for first is answered first.
        await wait(1_500);
        producer.send('begin');
        for (;;) {
          const { done, value } = await next;
          if (done) break;
          tell(value);
          next = reading.next();
        }
        const each = taken.pop();
        return (everyNs === undefined ? each : p99(taken)) / 1_000;
      } finally {
        producer.kill();
      }
    });
  },
  rows: (load) =>
    ['engine', 'adapter'].map((ours) => ({
      label: label(load, ours),
      ours,
      targets: [{ of: 'resumable', least: load === 'full' ? 10 : 1 }],
    })),
};

const label = (load, ours) =>
  ours === 'adapter'
    ? 'the same, through `createResumableStreamContext`'
    : load === 'full'
      ? 'Redis: a chunk from a producer to a listener in another process, as fast as it goes'
      : 'Redis: p99 of the same way, 1,000 chunks/s';
