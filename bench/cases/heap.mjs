import { loadPeer } from '../peers.mjs';
import { chunkAt } from '../readers.mjs';
import { heapUsed } from '../sampling.mjs';

const idOf = (i) => `stream-${i}`;

async function fill(store, count, ids) {
  for (let i = 0; i < count; i++) await store.put(ids === undefined ? idOf(i) : ids[i], chunkAt(i));
  return store;
}

/** So that no code is compiled between the two looks. Awaited by itself: no frame keeps what it made. */
async function warmUp(peer) {
  const { streams } = await fill(peer.store(), 10_000);
  streams?.close?.();
}

/** Bytes of heap for each finished stream of one chunk, with its share of the map. The chunks are there before. */
export default {
  params: ['beside', 'with'],
  peers: ['manager', 'subject', 'replay', 'genkit', 'loop'],
  unit: 'B',
  rounds: 3,
  async run(peerName, ids) {
    const peer = await loadPeer(peerName);
    // As for time, Genkit has fewer.
    const count = peerName === 'genkit' ? 10_000 : 100_000;
    const prepared = ids === 'beside' ? Array.from({ length: count }, (_, i) => idOf(i)) : undefined;
    await warmUp(peer);
    const before = heapUsed();
    const store = await fill(peer.store(), count, prepared);
    const bytes = (heapUsed() - before) / count;
    // Used here, so that it was there until now.
    await store.put('last', chunkAt(0));
    return bytes;
  },
  rows: (ids) => [
    {
      label: `heap per finished stream of one chunk, ${ids} its id`,
      ours: 'manager',
      targets: ids === 'beside' ? [{ most: 400 }] : [],
    },
  ],
};
