import { loadPeer } from '../peers.mjs';
import { readers } from '../readers.mjs';
import { now } from '../sampling.mjs';

const OTHERS = 20_000;
const LEAVING = 500;
const WARM_UP = 5_000;
const MOST = 100_000;
const MOST_NS = 500_000_000;

/**
 * Subscribers leave from random places, and as many come; gives ns for each to leave. It is a mean, and of 100,000
 * unless that takes too long, so that work put off until many have left counts in full.
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
    let left = -WARM_UP;
    let ns = 0;
    while (left < MOST && ns < MOST_NS) {
      const leaving = await join(LEAVING);
      for (let i = 0; i < LEAVING; i++) {
        random = (random * 48_271) % 0x7fffffff;
        const place = random % OTHERS;
        [leaving[i], staying[place]] = [staying[place], leaving[i]];
      }
      const from = now();
      for (let i = 0; i < LEAVING; i++) leaving[i].unsubscribe();
      if (left >= 0) ns += now() - from;
      left += LEAVING;
    }
    return ns / left;
  },
  rows: () => [{ label: '`unsubscribe` beside 20,000 others', ours: 'manager', targets: [{ most: 500 }] }],
};
