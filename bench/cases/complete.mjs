import { loadPeer } from '../peers.mjs';
import { readers } from '../readers.mjs';
import { now, sampled } from '../sampling.mjs';

const SUBSCRIBERS = 20_000;

/** The end of a stream that has subscribers; gives µs until all have been told. */
export default {
  peers: ['manager', 'subject', 'replay', 'plain', 'genkit', 'loop'],
  unit: 'µs',
  async run(peerName) {
    const peer = await loadPeer(peerName);
    return sampled(
      async () => {
        const { sink, source } = await peer.stream();
        const { observers, check } = readers(SUBSCRIBERS);
        for (const observer of observers) await source().subscribe(observer);
        const from = now();
        sink.complete();
        const us = (now() - from) / 1000;
        check(0, 1);
        return us;
      },
      { warmUps: 2, atLeast: 3 },
    );
  },
  rows: () => [
    { label: '`complete` with 20,000 subscribers', ours: 'manager', targets: [{ of: 'replay', least: 30 }] },
  ],
};
