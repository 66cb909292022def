import { loadPeer } from '../peers.mjs';
import { chunkAt, readers, sizeOf } from '../readers.mjs';
import { now, sampled } from '../sampling.mjs';

/** Late subscribers, one after the other, to an open stream; gives µs for each to have caught up. */
export default {
  params: [
    { length: 1_000, least: 1.5 },
    { length: 100_000, least: 2.5 },
    { length: 1_000_000, least: 2.5 },
    { length: 100_000, mixed: true },
  ],
  peers: ['manager', 'subject', 'replay', 'genkit', 'loop'],
  unit: 'µs',
  async run(peerName, { length, mixed }) {
    const peer = await loadPeer(peerName);
    const { sink, source } = await peer.stream();
    for (let i = 0; i < length; i++) sink.next(chunkAt(i));
    const size = sizeOf(length);
    const count = Math.max(1, Math.floor(100_000 / length));
    return sampled(async () => {
      const { observers, check } = readers(count, mixed);
      const subscriptions = new Array(count);
      const from = now();
      for (let i = 0; i < count; i++) subscriptions[i] = source().subscribe(observers[i]);
      const us = (now() - from) / count / 1000;
      for (const subscription of subscriptions) (await subscription).unsubscribe();
      check(size);
      return us;
    });
  },
  rows: ({ length, least, mixed }) => [
    {
      label: `late replay of ${length.toLocaleString('en')} chunks${mixed ? ', mixed subscribers' : ''}`,
      ours: 'manager',
      targets: mixed ? [] : [{ of: 'replay', least }],
    },
  ],
};
