import { setTimeout as wait } from 'node:timers/promises';

import { folder, openStreams, prepare } from '../durable.mjs';

const STREAMS = 10_000;
/** Long enough for the look at all tails that is the safety net, twice a minute. */
const IDLE_MS = 40_000;

/** 10,000 live subscribers of 10,000 streams of one chunk, all of which have replayed it: nothing happens any more. */
export default {
  peers: ['more', 'all', 'cpu'],
  rounds: 3,
  unit: '',
  prepare: () => prepare(folder('idle'), { streams: STREAMS, chunks: 1, batch: 1, json: true }),
  async run(what) {
    const streams = await openStreams(folder('idle'));
    await streams.head('stream-0');
    globalThis.gc();
    const before = process.memoryUsage().rss;
    let left = STREAMS;
    await new Promise((resolve, reject) => {
      const next = () => void (--left === 0 && resolve());
      for (let i = 0; i < STREAMS; i++) streams.subscribe(`stream-${i}`).subscribe({ next, error: reject });
    });
    await wait(100);
    for (let i = 0; i < 2; i++) globalThis.gc();
    if (what !== 'cpu') return (process.memoryUsage().rss - (what === 'more' ? before : 0)) / 1e6;
    const used = process.cpuUsage();
    const from = performance.now();
    await wait(IDLE_MS);
    const { user, system } = process.cpuUsage(used);
    return (user + system) / 10 / (performance.now() - from);
  },
  rows: () => [
    { label: '10,000 idle live subscribers of 10,000 streams, MB', ours: 'more', targets: [{ most: 100 }] },
    {
      label: '10,000 idle live subscribers of 10,000 streams, MB of the whole process',
      ours: 'all',
      targets: [],
    },
    {
      label: '10,000 idle live subscribers of 10,000 streams, % of a core',
      ours: 'cpu',
      targets: [{ most: 1 }],
    },
  ],
};
