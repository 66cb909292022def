import { inFolder, jsonAt, openRaw, openStreams, putRaw } from '../durable.mjs';
import { now, sampled } from '../sampling.mjs';

const EACH = 25;

/** Each of the writers writes so often, one after another, and waits for each chunk to be on disk; gives µs for each. */
export const timed = (writers, atLeast = 20) =>
  sampled(
    async () => {
      const from = now();
      await Promise.all(
        writers.map(async (write) => {
          for (let i = 0; i < EACH; i++) await write();
        }),
      );
      return (now() - from) / (EACH * writers.length) / 1000;
    },
    // It takes some 2,000 writes of one, and 20 samples of many, until they take no less time than before.
    { atLeast, warmUps: Math.max(20, Math.ceil(2_000 / (EACH * writers.length))) },
  );

/** As many writers as asked for, of one kind; gives µs per chunk. */
export function writes(peer, count) {
  return inFolder(async (path) => {
    if (peer === 'raw') {
      const db = openRaw(path);
      return timed(
        Array.from({ length: count }, (_, stream) => {
          let position = 0;
          return () => putRaw(db, stream, position++);
        }),
      );
    }
    const streams = await openStreams(path);
    const ids = Array.from({ length: peer === 'one' ? 1 : count }, (_, i) => `stream-${i}`);
    const inputs = ids.map((id) => streams.open(id));
    await Promise.all(inputs.map(({ opened }) => opened));
    return timed(
      Array.from({ length: count }, (_, i) => {
        const input = inputs[i % inputs.length];
        let position = 0;
        return () => input.write(jsonAt(position++));
      }),
    );
  });
}

/** One writer that waits for each chunk. */
export default {
  peers: ['own', 'raw'],
  unit: 'µs',
  run: (peer) => writes(peer, 1),
  rows: () => [
    { label: '`await input.write(chunk)`, 1 writer', ours: 'own', targets: [{ of: 'raw', least: 0.45 }] },
  ],
};
