import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

import { ENGINES, inStore, openOn, TITLES } from '../networked.mjs';
import { median, now } from '../sampling.mjs';
import { consume } from './durable-hand-over.mjs';

const WARM_UP = 2_000;
const SAMPLES = 3_000;
const EVERY_NS = 1_000_000;

/** A chunk each ms, without a wait for those before; each says when it was written, by the clock that all processes share. */
async function produce(streams) {
  const input = streams.open('stream');
  await input.opened;
  const from = now();
  for (let i = 0; i < WARM_UP + SAMPLES; i++) {
    while (now() < from + i * EVERY_NS) await wait(1);
    input.next({ at: now(), text: 'x'.repeat(96) });
  }
  await input.flush();
  await wait(10_000);
}

const MOST = { redis: 1, nats: 1, postgres: 3 };

/** From the call of `next` until a subscriber in another process has the chunk, at 1,000 chunks/s. */
export default {
  params: ENGINES,
  peers: ['other'],
  unit: 'ms',
  async run(peer, param) {
    if (peer === 'producer') return produce(await openOn(param.engine, param.store));
    return inStore(param, async (store) => {
      const streams = await openOn(param, store);
      const taken = consume(streams, WARM_UP, SAMPLES);
      const args = ['measure.mjs', 'net-hand-over', 'producer', JSON.stringify({ engine: param, store })];
      const producer = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
      try {
        return median(await taken);
      } finally {
        producer.kill();
        await streams.close();
      }
    });
  },
  rows: (engine) => [
    {
      label: `${TITLES[engine]}: from \`next\` to a subscriber in another process, 1,000 chunks/s`,
      ours: 'other',
      targets: [{ most: MOST[engine] }],
    },
  ],
};
