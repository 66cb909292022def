import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ReadableStream } from 'node:stream/web';
import { setTimeout as wait } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { createResumableStreamContext as theirContext } from 'resumable-stream/ioredis';

import { inStore, openOn, URLS } from '../networked.mjs';
import { now } from '../sampling.mjs';

/** A chunk has so many characters; which begin with when it is due. */
const LENGTH = 128;
const chunkAt = (at) => `${at}`.padEnd(LENGTH, ' the quick brown fox');
/** So many chunks that go ahead, and then are counted: at full speed, where ours are more, or one each ms. */
const LOADS = {
  full: { warmUp: 5_000, count: 25_000 },
  moderate: { warmUp: 10_000, count: 5_000, everyNs: 1_000_000 },
};
const FULL_OF_OURS = { warmUp: 20_000, count: 200_000 };
const loadOf = (peer, load) => (load === 'full' && peer !== 'resumable' ? FULL_OF_OURS : LOADS[load]);

/** What a source writes: nothing before it is told to begin, then each chunk when its time has come. */
async function* chunks(begun, { warmUp, count, everyNs }) {
  await begun;
  const from = now();
  for (let i = 0; i < warmUp + count; i++) {
    const due = everyNs === undefined ? 0 : from + i * everyNs;
    while (now() < due) await wait(1);
    // When it should have been written: what is asked for late, because those before it take long, has waited too.
    yield chunkAt(due);
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

/** Through a context. */
const through = (newContext) => ({
  async produce(store, source) {
    const context = await newContext(store);
    await context.createNewResumableStream('stream', () => streamOf(source));
  },
  async listen(store) {
    const context = await newContext(store);
    let stream;
    while (!(stream = await context.resumeExistingStream('stream'))) await wait(20);
    return async (tell) => {
      for await (const text of stream) tell(text);
    };
  },
});

/** `listen` resolves once there is a stream, with what reads it to its end. */
const PEERS = {
  engine: {
    async produce(store, source) {
      const input = (await openOn('redis', store)).open('stream');
      let count = 0;
      let stored;
      for await (const chunk of source) {
        input.next(chunk);
        // At most ten thousand are under way.
        if (++count % 5_000 > 0) continue;
        await stored;
        stored = input.flush();
      }
      input.complete();
    },
    async listen(store) {
      const streams = await openOn('redis', store);
      await new Promise((resolve, reject) => {
        streams.subscribe('stream', { wait: 10_000 }).status().subscribe({ next: resolve, error: reject });
      });
      return (tell) =>
        new Promise((resolve, reject) => {
          streams.subscribe('stream').subscribe({ next: tell, error: reject, complete: resolve });
        });
    },
  },
  adapter: through(async (store) => {
    const { createResumableStreamContext } = await import(new URL('ai.js', process.env.BENCH_OURS));
    return createResumableStreamContext({ streams: await openOn('redis', store) });
  }),
  resumable: through(async (store) =>
    theirContext({
      waitUntil: null,
      keyPrefix: `${store}-theirs`,
      publisher: new Redis(URLS.redis),
      subscriber: new Redis(URLS.redis),
    }),
  ),
};

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
      const begun = once(process, 'message');
      await PEERS[param.peer].produce(param.store, chunks(begun, loadOf(param.peer, param.load)));
      await wait(60_000);
      return undefined;
    }
    return inStore('redis', async (store) => {
      const { warmUp, count, everyNs } = loadOf(peer, param);
      const job = JSON.stringify({ peer, store, load: param });
      const producer = spawn(process.execPath, ['measure.mjs', 'redis-resumable', 'producer', job], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      try {
        const taken = [];
        let from;
        let to;
        const tell = inChunks((chunk, number) => {
          if (number === warmUp) from = now();
          if (number > warmUp && everyNs !== undefined) taken.push(now() - Number.parseInt(chunk, 10));
          if (number === warmUp + count) to = now();
        });
        const listen = await PEERS[peer].listen(store);
        const over = listen(tell);
        producer.send('begin');
        await over;
        return (everyNs === undefined ? (to - from) / count : p99(taken)) / 1_000;
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

const LABELS = {
  full: 'Redis: each chunk from a producer to a listener in another process, as fast as it goes',
  moderate: 'Redis: p99 from a producer to a listener in another process, 1,000 chunks/s',
};
const label = (load, ours) =>
  ours === 'adapter' ? 'the same, through `createResumableStreamContext`' : LABELS[load];
