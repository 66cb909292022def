import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { clear, ENGINES, openOn, storeName, TITLES } from '../networked.mjs';

const STREAMS = 10_000;
const STORE = 'idle';
/** Long enough for the look at all tails that is the safety net, where there is one. */
const IDLE_MS = 40_000;

async function prepare(engine) {
  const streams = await openOn(engine, storeName(STORE));
  for (let from = 0; from < STREAMS; from += 500) {
    const inputs = Array.from({ length: 500 }, (_, i) => streams.open(`stream-${from + i}`));
    await Promise.all(inputs.map((input) => input.write({ text: 'x' })));
    for (const input of inputs) input.close();
  }
  await streams.close();
}

/** How many sockets this process has, as Linux tells: Node does not tell of those that do not keep it alive. */
function sockets() {
  const isSocket = (file) => {
    try {
      return readlinkSync(`/proc/self/fd/${file}`).startsWith('socket:');
    } catch {
      // What the folder itself was read by.
      return false;
    }
  };
  return readdirSync('/proc/self/fd').filter(isSocket).length;
}

/** Bytes in use, in V8's heap and out of it. */
function inUse() {
  for (let i = 0; i < 2; i++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** 10,000 live subscribers of 10,000 streams of one chunk, all of which have replayed it: nothing happens any more. */
export default {
  params: ENGINES,
  peers: ['kilobytes', 'cpu', 'connections'],
  rounds: 1,
  unit: '',
  prepare,
  cleanUp: (engine) => clear(engine, storeName(STORE)),
  async run(what, engine) {
    const without = sockets();
    const streams = await openOn(engine, storeName(STORE));
    await streams.head('stream-0');
    const before = inUse();
    let left = STREAMS;
    await new Promise((resolve, reject) => {
      const next = () => void (--left === 0 && resolve());
      for (let i = 0; i < STREAMS; i++) streams.subscribe(`stream-${i}`).subscribe({ next, error: reject });
    });
    await wait(1_000);
    if (what === 'kilobytes') return (inUse() - before) / STREAMS / 1e3;
    if (what === 'connections') return sockets() - without;
    const used = process.cpuUsage();
    const from = performance.now();
    await wait(IDLE_MS);
    const { user, system } = process.cpuUsage(used);
    return (user + system) / 10 / (performance.now() - from);
  },
  rows: (engine) => {
    const label = `${TITLES[engine]}: 10,000 idle live subscribers of 10,000 streams`;
    return [
      { label: `${label}, kB of memory in use for each`, ours: 'kilobytes', targets: [{ most: 10 }] },
      { label: `${label}, % of a core`, ours: 'cpu', targets: [{ most: 2 }] },
      { label: `${label}, connections`, ours: 'connections', targets: [{ most: 4 }] },
    ];
  },
};
