import { VirtualTimeScheduler } from 'rxjs';

import { loadPeer } from '../peers.mjs';
import { chunkAt } from '../readers.mjs';
import { now, sampled } from '../sampling.mjs';

const EXPIRING = 1_000;
const OTHERS = 100_000;
const TTL = 10;

let others = 0;
const put = (streams, id, options) => {
  const input = streams.open(id, options);
  input.next(chunkAt(0));
  return input;
};

const PUT_OTHER = {
  open: (streams, id) => put(streams, id),
  later: (streams, id) => put(streams, id, { ttl: 1e9 + others++ }).complete(),
};

/** The frame in which 1,000 finished streams expire, alone or beside 100,000 that do not; gives µs. */
export default {
  peers: ['alone', 'open', 'later'],
  unit: 'µs',
  async run(beside) {
    const { createManager } = await loadPeer('manager');
    const scheduler = new VirtualTimeScheduler();
    const streams = createManager({ scheduler, ttl: TTL });
    if (beside !== 'alone') for (let i = 0; i < OTHERS; i++) PUT_OTHER[beside](streams, `other-${i}`);
    return sampled(() => {
      for (let i = 0; i < EXPIRING; i++) put(streams, `expiring-${i}`).complete();
      // What is looked up is checked against the clock, so only a reader sees that this frame evicted something.
      let evicted = false;
      put(streams, 'witness', { expiresAt: scheduler.now() + TTL });
      streams.subscribe('witness').subscribe({ error: () => (evicted = true) });
      scheduler.maxFrames = scheduler.frame + TTL;
      const from = now();
      scheduler.flush();
      const us = (now() - from) / 1000;
      if (!evicted) throw new Error('Nothing expired.');
      return us;
    });
  },
  rows: () => [
    {
      label: 'eviction of 1,000 streams beside 100,000 open ones',
      ours: 'open',
      targets: [{ of: 'alone', most: 2 }],
    },
    {
      label: 'eviction of 1,000 streams beside 100,000 that expire later',
      ours: 'later',
      targets: [{ of: 'alone', most: 2 }],
    },
  ],
};
