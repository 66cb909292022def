import { writes } from './durable-write.mjs';

/** Many writers at once, each of which waits for each of its chunks. */
export default {
  peers: ['own', 'one', 'raw'],
  unit: 'µs',
  run: (peer) => writes(peer, 64),
  rows: () => [
    {
      label: '`await input.write(chunk)`, 64 writers, each on a stream of its own',
      ours: 'own',
      targets: [{ of: 'raw', least: 0.4 }],
    },
    {
      label: '`await input.write(chunk)`, 64 writers, all on one stream',
      ours: 'one',
      targets: [{ of: 'own', least: 1 }],
    },
  ],
};
