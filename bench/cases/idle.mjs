import { VirtualTimeScheduler } from 'rxjs';

import { loadPeer } from '../peers.mjs';
import { chunkAt } from '../readers.mjs';

const DAY = 86_400_000;
const STREAMS = 100_000;

/** Actions of the scheduler while 100,000 streams end in the course of a day, and in the next, when none expires. */
export default {
  peers: ['scheduled', 'executed', 'armed'],
  unit: '',
  rounds: 1,
  async run(peerName) {
    const { createManager } = await loadPeer('manager');
    const counts = { scheduled: 0, executed: 0, armed: 0 };
    class Counting extends VirtualTimeScheduler {
      schedule(work, delay, state) {
        counts.scheduled++;
        const counted = function (given) {
          counts.executed++;
          work.call(this, given);
        };
        return super.schedule(counted, delay, state);
      }
    }
    const scheduler = new Counting();
    const streams = createManager({ scheduler, ttl: 3 * DAY });
    const pass = (ms) => {
      scheduler.maxFrames = scheduler.frame + ms;
      scheduler.flush();
      // A virtual clock moves only with its actions.
      scheduler.frame = scheduler.maxFrames;
    };
    for (let i = 0; i < STREAMS; i++) {
      const input = streams.open(`stream-${i}`);
      input.next(chunkAt(i));
      input.complete();
      pass(DAY / STREAMS);
    }
    pass(DAY);
    counts.armed = scheduler.actions.length;
    return counts[peerName];
  },
  rows: () => [
    {
      label: 'actions scheduled while 100,000 streams end in a day',
      ours: 'scheduled',
      targets: [{ most: 1 }],
    },
    { label: 'executed until the next day is over', ours: 'executed', targets: [{ most: 0 }] },
    { label: 'then still armed', ours: 'armed', targets: [{ most: 1 }] },
  ],
};
