import { ENGINES, TITLES } from '../networked.mjs';
import { writes } from './net-write.mjs';

const LEAST = { redis: 0.3, nats: 0.5, postgres: 2.5 };

/** Many writers at once, each on a stream of its own, each of which waits for each of its chunks. */
export default {
  params: ENGINES,
  peers: ['own', 'driver'],
  unit: 'µs',
  run: (peer, engine) => writes(engine, peer, 64),
  rows: (engine) => [
    {
      label: `${TITLES[engine]}: \`await input.write(chunk)\`, 64 writers, each on a stream of its own`,
      ours: 'own',
      targets: [{ of: 'driver', least: LEAST[engine] }],
    },
  ],
};
