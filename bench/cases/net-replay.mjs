import { BYTES, jsonAt } from '../durable.mjs';
import { clear, ENGINES, openDriver, openOn, storeName, TITLES } from '../networked.mjs';
import { now, sampled } from '../sampling.mjs';

const STREAMS = 32;
const CHUNKS = 800;
const STORE = 'replay';

const LEAST = { redis: 0.6, nats: 0.35, postgres: 0.5 };

/** Writes the same store with the engine and with the driver alone, one chunk at a time to each stream. */
async function prepare(engine) {
  const store = storeName(STORE);
  const streams = await openOn(engine, store);
  const driver = await openDriver(engine, store);
  await Promise.all(
    Array.from({ length: STREAMS }, async (_, stream) => {
      const input = streams.open(`stream-${stream}`);
      for (let i = 0; i < CHUNKS; i++) await Promise.all([input.write(jsonAt(i)), driver.put(stream, i)]);
    }),
  );
  await streams.close();
}

const readOurs = (streams, stream) =>
  new Promise((resolve, reject) => {
    let count = 0;
    let size = 0;
    const subscription = streams.subscribe(`stream-${stream}`).subscribe({
      next({ text }) {
        size += text.length;
        if (++count < CHUNKS) return;
        subscription.unsubscribe();
        if (size === CHUNKS * jsonAt(0).text.length) resolve();
        else reject(new Error(`There are ${size} characters.`));
      },
      error: reject,
    });
  });

/** Reads every stream to its last chunk, one after another; gives ns for each chunk. */
export default {
  params: ENGINES,
  peers: ['subscribe', 'driver'],
  unit: 'ns',
  prepare,
  cleanUp: (engine) => clear(engine, storeName(STORE)),
  async run(peer, engine) {
    const store = storeName(STORE);
    const source = peer === 'driver' ? await openDriver(engine, store) : await openOn(engine, store);
    return sampled(async () => {
      const from = now();
      for (let stream = 0; stream < STREAMS; stream++) {
        if (peer === 'subscribe') await readOurs(source, stream);
        else if ((await source.read(stream)) !== CHUNKS * BYTES) throw new Error('Something is missing.');
      }
      return (now() - from) / (STREAMS * CHUNKS);
    });
  },
  rows: (engine) => [
    {
      label: `${TITLES[engine]}: replay of JSON, written one by one`,
      ours: 'subscribe',
      targets: [{ of: 'driver', least: LEAST[engine] }],
    },
  ],
};
