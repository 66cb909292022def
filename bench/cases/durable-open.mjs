import { folder, openRaw, openStreams, prepare, withLmdb } from '../durable.mjs';
import { now } from '../sampling.mjs';

const nameOf = ({ streams }) => `open-${streams}`;

/** A store with 1,000,000 chunks, in a new process that has loaded the library: gives ms until the first `head()` is there. */
export default {
  params: [
    { streams: 1, chunks: 1_000_000, batch: 1_000 },
    { streams: 10_000, chunks: 100, batch: 100 },
  ],
  peers: ['head', 'raw'],
  unit: 'ms',
  prepare: (param) => prepare(folder(nameOf(param)), param),
  async run(peer, param) {
    const path = folder(nameOf(param));
    await withLmdb();
    const from = now();
    if (peer === 'raw') {
      if (openRaw(path).get([0, 0]) === undefined) throw new Error('Nothing is there.');
    } else {
      const streams = await openStreams(path);
      const { chunks } = await streams.head('stream-0');
      if (chunks !== param.chunks) throw new Error(`There are ${chunks} chunks.`);
    }
    return (now() - from) / 1e6;
  },
  rows: ({ streams }) => [
    {
      label: `opening a store of 1,000,000 chunks in ${streams.toLocaleString('en')} stream${streams === 1 ? '' : 's'}`,
      ours: 'head',
      targets: [{ most: 200 }],
    },
  ],
};
