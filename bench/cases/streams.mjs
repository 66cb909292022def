import { loadPeer } from '../peers.mjs';
import { chunkAt } from '../readers.mjs';
import { now, sampled } from '../sampling.mjs';

// Genkit looks through all streams whenever one is opened: 100,000 of them would take a minute.
const countOf = (peerName) => (peerName === 'genkit' ? 10_000 : 100_000);

/** Streams opened by prepared ids, written once and completed; gives ns for each. */
export default {
  peers: ['manager', 'subject', 'replay', 'genkit', 'loop'],
  unit: 'ns',
  async run(peerName) {
    const peer = await loadPeer(peerName);
    const ids = Array.from({ length: countOf(peerName) }, (_, i) => `stream-${i}`);
    return sampled(
      async () => {
        const store = peer.store();
        globalThis.gc();
        const from = now();
        for (let i = 0; i < ids.length; i++) {
          const put = store.put(ids[i], chunkAt(i));
          if (put !== undefined) await put;
        }
        const ns = (now() - from) / ids.length;
        store.streams?.close?.();
        return ns;
      },
      { warmUps: 2, atLeast: 3 },
    );
  },
  rows: () => [
    {
      label: 'open, write once and complete, 100,000 streams (Genkit: 10,000)',
      ours: 'manager',
      targets: [{ of: 'replay', most: 1 }],
    },
  ],
};
