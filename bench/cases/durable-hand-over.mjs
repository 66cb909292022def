import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

import { inFolder, openRaw, openStreams, putRaw } from '../durable.mjs';
import { median, now } from '../sampling.mjs';

const WARM_UP = 50;
const SAMPLES = 300;
const EVERY_MS = 4;

/** Each chunk says when it was written, by the clock that all processes of a machine share. */
async function produce(streams) {
  const input = streams.open('stream');
  for (let i = 0; i < WARM_UP + SAMPLES; i++) {
    await input.write({ at: now(), text: 'x'.repeat(96) });
    await wait(EVERY_MS);
  }
}

/** Gives the ms that each chunk took, but for those that are not counted. */
export const consume = (streams, warmUp = WARM_UP, samples = SAMPLES) =>
  new Promise((resolve, reject) => {
    const taken = [];
    streams.subscribe('stream', { wait: 10_000 }).subscribe({
      next({ at }) {
        if (taken.push((now() - at) / 1e6) === warmUp + samples) resolve(taken.slice(warmUp));
      },
      error: reject,
    });
  });

/** Gives the ms that each `put` takes at the same pace: most of what there is to wait for. */
async function puts(db) {
  const taken = [];
  for (let i = 0; i < WARM_UP + SAMPLES; i++) {
    const from = now();
    await putRaw(db, 0, i);
    taken.push((now() - from) / 1e6);
    await wait(EVERY_MS);
  }
  return taken.slice(WARM_UP);
}

/** From the call of `write` until a subscriber has the chunk, in another process or in the same. */
export default {
  peers: ['other', 'same', 'raw'],
  unit: 'ms',
  async run(peer, path) {
    if (peer === 'producer') return produce(await openStreams(path));
    return inFolder(async (own) => {
      if (peer === 'raw') return median(await puts(openRaw(own)));
      const streams = await openStreams(own);
      const taken = consume(streams);
      if (peer === 'same') {
        await produce(streams);
        return median(await taken);
      }
      const args = ['measure.mjs', 'durable-hand-over', 'producer', JSON.stringify(own)];
      const producer = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      try {
        return median(await taken);
      } finally {
        producer.kill();
      }
    });
  },
  rows: () => [
    { label: 'from `write` to a subscriber in another process', ours: 'other', targets: [{ most: 2.5 }] },
    { label: 'from `write` to a subscriber in the same process', ours: 'same', targets: [] },
  ],
};
