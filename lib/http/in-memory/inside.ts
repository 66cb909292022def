import type { InMemoryStreamManager } from '../../in-memory-manager.js';
import type { Inside } from '../../inside.js';
import type { StreamError } from '../../errors.js';
import { Streams } from '../../log/streams.js';
import { reportUnhandled } from '../../reader.js';
import { schedulerClock } from '../../scheduler-clock.js';
import { storedValues } from '../../stored-values.js';
import { InMemoryEngine } from './engine.js';

/** How many bytes a chunk may have that comes over HTTP, and how many may wait: as on engines, by default. */
const MAX_CHUNK_BYTES = 2 ** 20;
const MAX_IN_FLIGHT_BYTES = 2 ** 23;

const insides = new WeakMap<InMemoryStreamManager, Inside>();

/** What a manager in memory has inside for HTTP: made when it is first asked for, and the same for all who ask. */
export function insideOfMemory(manager: InMemoryStreamManager): Inside {
  let inside = insides.get(manager);
  if (inside === undefined) insides.set(manager, (inside = makeInside(manager)));
  return inside;
}

function makeInside(manager: InMemoryStreamManager): Inside {
  const { inside: memory } = manager;
  const clock = schedulerClock(memory.expiry.scheduler, memory.expiry);
  const { decode, endOf } = storedValues('none', true, Infinity);
  const streams: Streams = new Streams({
    engine: new InMemoryEngine(manager, () => streams),
    clock,
    maxChunks: memory.limits.maxChunks,
    // Counted by the manager, as its `sizeOf` does.
    maxBytes: Infinity,
    maxInFlightBytes: MAX_IN_FLIGHT_BYTES,
    // The manager has its own timer.
    arm: () => undefined,
    decode,
    endOf,
    report: reportUnhandled,
  });
  const closing = (error: StreamError): void => {
    streams.close(error);
    clock.stop();
  };
  memory.closing = closing;
  try {
    manager.list({ limit: 0 });
  } catch (error) {
    closing(error as StreamError);
  }
  return { streams, maxChunkBytes: MAX_CHUNK_BYTES, byReference: false };
}
