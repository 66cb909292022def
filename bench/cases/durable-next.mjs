import { inFolder, jsonAt, openRaw, openStreams, putRaw } from '../durable.mjs';
import { now, sampled } from '../sampling.mjs';

/** So many chunks at a time, then a wait until they are on disk; gives ns for each. */
const timed = (batch, next, flush) =>
  sampled(
    async () => {
      const from = now();
      for (let i = 0; i < batch; i++) next(i);
      await flush();
      return (now() - from) / batch;
    },
    { atLeast: 50 },
  );

/** One producer that does not wait for single chunks. */
export default {
  params: [1_000, 10_000],
  peers: ['next', 'raw'],
  unit: 'ns',
  run: (peer, batch) =>
    inFolder(async (path) => {
      if (peer === 'raw') {
        const db = openRaw(path);
        let position = 0;
        let put;
        return timed(
          batch,
          () => void (put = putRaw(db, 0, position++)),
          () => put,
        );
      }
      const streams = await openStreams(path, { maxBytes: Infinity });
      const input = streams.open('stream');
      await input.opened;
      return timed(
        batch,
        (i) => input.next(jsonAt(i)),
        () => input.flush(),
      );
    }),
  rows: (batch) => [
    {
      label: `\`input.next(chunk)\`, \`flush()\` after each ${batch.toLocaleString('en')}`,
      ours: 'next',
      targets: [{ of: 'raw', least: 0.4 }],
    },
  ],
};
