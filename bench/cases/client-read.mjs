import { withReader } from '../client.mjs';
import { now, sampled } from '../sampling.mjs';

const MESSAGES = 100_000;

/** Reads a long stream from its start to its last message. */
export default {
  params: ['ms', 'MB'],
  peers: ['ours', 'official'],
  unit: '',
  run: (peer, what) =>
    withReader(peer, async ({ read, fresh }) => {
      const { url } = await fresh(MESSAGES);
      globalThis.gc();
      // The most that the process has had, by its first reading.
      const before = process.resourceUsage().maxRSS;
      await read(url, MESSAGES);
      if (what === 'MB') return (process.resourceUsage().maxRSS - before) / 1e3;
      return sampled(async () => {
        const from = now();
        await read(url, MESSAGES);
        return (now() - from) / 1e6;
      });
    }),
  rows: (what) => [
    {
      label: `reading ${MESSAGES.toLocaleString('en')} messages, ${
        what === 'ms' ? 'ms' : 'growth of the process by the first time in MB'
      }`,
      ours: 'ours',
      targets: [{ of: 'official', least: 1 }],
    },
  ],
};
