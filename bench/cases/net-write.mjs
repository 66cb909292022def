import { jsonAt } from '../durable.mjs';
import { ENGINES, inStore, openDriver, openOn, TITLES } from '../networked.mjs';
import { timed } from './durable-write.mjs';

const SAMPLES = 10;

/** As many writers as asked for, each on a stream of its own; gives µs per chunk. */
export const writes = (engine, peer, count) =>
  inStore(engine, async (store) => {
    if (peer === 'driver') {
      const driver = await openDriver(engine, store);
      return timed(
        Array.from({ length: count }, (_, stream) => {
          let position = 0;
          return () => driver.put(stream, position++);
        }),
        SAMPLES,
      );
    }
    const streams = await openOn(engine, store);
    const inputs = Array.from({ length: count }, (_, i) => streams.open(`stream-${i}`));
    await Promise.all(inputs.map(({ opened }) => opened));
    return timed(
      inputs.map((input) => {
        let position = 0;
        return () => input.write(jsonAt(position++));
      }),
      SAMPLES,
    );
  });

const LEAST = { redis: 0.6, nats: 0.5, postgres: 0.45 };

/** One writer that waits for each chunk. */
export default {
  params: ENGINES,
  peers: ['own', 'driver'],
  unit: 'µs',
  run: (peer, engine) => writes(engine, peer, 1),
  rows: (engine) => [
    {
      label: `${TITLES[engine]}: \`await input.write(chunk)\`, 1 writer`,
      ours: 'own',
      targets: [{ of: 'driver', least: LEAST[engine] }],
    },
  ],
};
