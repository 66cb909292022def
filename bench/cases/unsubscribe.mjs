import { loadPeer } from '../peers.mjs';
import { readers } from '../readers.mjs';
import { now, sampled } from '../sampling.mjs';

const OTHERS = 20_000;
const LEAVING = 500;
const MOST_NS = 100_000_000;

/**
 * Subscribers leave from random places, and as many come; gives ns for each to leave. A sample is the mean until all
 * places have changed hands once, unless that takes too long, so that work put off until many have left counts in full.
 */
export default {
  peers: ['manager', 'subject', 'replay', 'plain', 'genkit', 'loop'],
  unit: 'ns',
  async run(peerName) {
    const peer = await loadPeer(peerName);
    const { source } = await peer.stream();
    const join = async (count) => {
      const joined = [];
      for (const observer of readers(count).observers) joined.push(await source().subscribe(observer));
      return joined;
    };
    const staying = await join(OTHERS);
    let random = 1;
    const sample = async () => {
      let left = 0;
      let ns = 0;
      while (left < OTHERS && ns < MOST_NS) {
        const leaving = await join(LEAVING);
        for (let i = 0; i < LEAVING; i++) {
          random = (random * 48_271) % 0x7fffffff;
          const place = random % OTHERS;
          [leaving[i], staying[place]] = [staying[place], leaving[i]];
        }
        const from = now();
        for (let i = 0; i < LEAVING; i++) leaving[i].unsubscribe();
        ns += now() - from;
        left += LEAVING;
      }
      return ns / left;
    };
    return sampled(sample, { warmUps: 1 });
  },
  rows: () => [{ label: '`unsubscribe` beside 20,000 others', ours: 'manager', targets: [{ most: 500 }] }],
};
