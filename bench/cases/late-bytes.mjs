import { loadPeer } from '../peers.mjs';
import { chunkAt, readers, sizeOf } from '../readers.mjs';
import { allocated, sampled } from '../sampling.mjs';

const LATE = 16;

/** Bytes allocated for a late subscriber, kept or not, until it has caught up. The observers are there before. */
export default {
  params: [1_000, 100_000],
  peers: ['manager', 'subject', 'replay', 'genkit', 'loop'],
  unit: 'B',
  rounds: 3,
  // So much room that nothing is collected between two looks at the heap.
  nodeOptions: ['--min-semi-space-size=64', '--max-semi-space-size=64'],
  async run(peerName, length) {
    const peer = await loadPeer(peerName);
    const { sink, source } = await peer.stream();
    for (let i = 0; i < length; i++) sink.next(chunkAt(i));
    const size = sizeOf(length);
    const subscriptions = new Array(LATE);
    const allocatedFor = async (late) => {
      const { observers, check } = readers(late);
      globalThis.gc();
      const before = allocated();
      for (let i = 0; i < late; i++) subscriptions[i] = source().subscribe(observers[i]);
      const bytes = allocated() - before;
      for (let i = 0; i < late; i++) (await subscriptions[i]).unsubscribe();
      check(size);
      return bytes;
    };
    // Looking at the heap allocates too.
    return sampled(async () => ((await allocatedFor(LATE)) - (await allocatedFor(0))) / LATE);
  },
  rows: (length) => [
    {
      label: `allocated per late subscriber, log of ${length.toLocaleString('en')}`,
      ours: 'manager',
      targets: [{ most: 1_000 }],
    },
  ],
};
