import { jsonAt } from '../durable.mjs';
import { ENGINES, inStore, openDriver, openOn, TITLES } from '../networked.mjs';
import { now, sampled } from '../sampling.mjs';

const BATCH = 10_000;
/** What the driver alone is given at a time, where it waits for each. */
const FEW = 500;

/** So many chunks, and then a wait until all are stored; gives ns for each. */
const timed = (count, write) =>
  sampled(
    async () => {
      const from = now();
      await write();
      return (now() - from) / count;
    },
    { atLeast: 10 },
  );

/** The driver alone: a command for each chunk, or, where there is one, for many. */
function driven(driver) {
  let position = 0;
  if (driver.putMany !== undefined) {
    return timed(BATCH, async () => {
      await driver.putMany(0, position, BATCH);
      position += BATCH;
    });
  }
  return timed(FEW, async () => {
    for (let i = 0; i < FEW; i++) await driver.put(0, position++);
  });
}

const LEAST = { redis: 8, nats: 20, postgres: 1.5 };

/** One producer that does not wait for single chunks. */
export default {
  params: ENGINES,
  peers: ['next', 'driver'],
  unit: 'ns',
  run: (peer, engine) =>
    inStore(engine, async (store) => {
      if (peer === 'driver') return driven(await openDriver(engine, store));
      const streams = await openOn(engine, store, { maxBytes: Infinity });
      const input = streams.open('stream');
      await input.opened;
      return timed(BATCH, () => {
        for (let i = 0; i < BATCH; i++) input.next(jsonAt(i));
        return input.flush();
      });
    }),
  rows: (engine) => [
    {
      label: `${TITLES[engine]}: \`input.next(chunk)\`, \`flush()\` after each ${BATCH.toLocaleString('en')}`,
      ours: 'next',
      targets: [{ of: 'driver', least: LEAST[engine] }],
    },
  ],
};
