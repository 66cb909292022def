import { jsonAt } from '../durable.mjs';
import { ENGINES, inStore, openDriver, openOn, TITLES } from '../networked.mjs';
import { now, sampled } from '../sampling.mjs';

const EACH = 25;

/** Each of the writers writes so often, one after another, and waits for each chunk to be stored; gives µs for each. */
export const timed = (writers) =>
  sampled(
    async () => {
      const from = now();
      await Promise.all(
        writers.map(async (write) => {
          for (let i = 0; i < EACH; i++) await write();
        }),
      );
      return (now() - from) / (EACH * writers.length) / 1_000;
    },
    { atLeast: 10, warmUps: Math.max(3, Math.ceil(2_000 / (EACH * writers.length))) },
  );

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
