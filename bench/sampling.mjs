import { getHeapSpaceStatistics } from 'node:v8';

const WARM_UP_NS = 100_000_000;
const SAMPLING_NS = 200_000_000;

export const now = () => Number(process.hrtime.bigint());

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function repeat(sample, ns, atLeast) {
  const values = [];
  const until = now() + ns;
  while (values.length < atLeast || now() < until) values.push(await sample());
  return values;
}

/** The median of what `sample` gives, over and over, once it is warm. It prepares and times by itself. */
export async function sampled(sample, { atLeast = 5, warmUps = 3 } = {}) {
  await repeat(sample, WARM_UP_NS, warmUps);
  return median(await repeat(sample, SAMPLING_NS, atLeast));
}

/** Bytes in use, after everything that can be collected was. */
export function heapUsed() {
  // Twice: what a finalizer or a weak reference still held goes with the second.
  for (let i = 0; i < 2; i++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

const NEW = new Set(['new_space', 'new_large_object_space']);

/** Bytes of new objects, of which nothing was collected while `--min-semi-space-size` has room; compiled code is elsewhere. */
export function allocated() {
  let bytes = 0;
  for (const space of getHeapSpaceStatistics()) if (NEW.has(space.space_name)) bytes += space.space_used_size;
  return bytes;
}
