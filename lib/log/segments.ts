import type { Entry, Page, ReadRequest, StreamEngine } from '../engines/engine.js';
import { notFound, StreamError } from '../errors.js';
import type { Awaitable } from '../maybe-promise.js';
import { encodeOffset, type Offset } from '../offset.js';
import { persist, type Persistence } from './clock.js';
import { type Head, type Origin, PART } from './head.js';

/** Where a fork's chunks are up to a position: in another stream. From the oldest; what follows the last is its own. */
export interface Segment {
  readonly id: string;
  readonly generation: number;
  readonly until: number;
}

const NONE: readonly Segment[] = [];

/** The generation whose offset names a position of a stream: of a fork's first part, that which wrote it. */
export function generationAt({ generation, facts }: Head, position: number): number {
  for (const [former, until] of facts.lineage ?? []) if (position <= until) return former;
  return generation;
}

/** The offset of a position of a stream. */
export const offsetOf = (head: Head, position: number, tag: number): Offset =>
  encodeOffset(generationAt(head, position), position, tag);

/** The offset of a stream that was made last: all readers of a chunk are given the same. */
export class LastOffset {
  #offset: Offset = '';
  #position = -1;
  #tag = -1;

  /** The offset of a position. */
  of(head: Head, position: number, tag: number): Offset {
    if (position !== this.#position || tag !== this.#tag) {
      this.#offset = offsetOf(head, position, tag);
      this.#position = position;
      this.#tag = tag;
    }
    return this.#offset;
  }
}

/**
 * Finds where the chunks of a stream are. Fails with `NOT_FOUND` where the stream itself is gone by now, and with
 * `DATA_LOSS` where a fork's source is.
 */
export function findSegments(
  persistence: Persistence & { readonly engine: StreamEngine },
  id: string,
  { generation: own, facts }: Head,
  done: (segments: readonly Segment[]) => void,
  failed: (error: StreamError) => void,
): void {
  if (facts.lineage === undefined) {
    done(NONE);
    return;
  }
  const segments: Segment[] = [];
  const step = (of: string, generation: number): void => {
    persist(
      persistence,
      // A source that is found missing may have gone with the fork.
      () => persistence.engine.load([{ id: of, parts: [PART.origin] }, ...(of === id ? [] : [{ id }])]),
      ([loaded, again]) => {
        const fork = of === id ? loaded : again;
        const origin = loaded?.parts[PART.origin] as Origin | undefined;
        if (fork?.head.generation !== own) {
          failed(notFound(id));
        } else if (loaded?.head.generation !== generation) {
          failed(
            new StreamError('DATA_LOSS', 'The source of the fork is gone, and chunks of the fork with it.'),
          );
        } else if (origin === undefined || origin.position === 0) {
          // Of a source from whose start it forks it has nothing.
          done(segments);
        } else {
          const until = Math.min(origin.position, segments[0]?.until ?? Infinity);
          segments.unshift({ id: origin.id, generation: origin.generation, until });
          step(origin.id, origin.generation);
        }
      },
      failed,
    );
  };
  step(id, own);
}

/** Reads a page of a stream, and of no more than one of its segments. `current` is always the stream itself. */
export function readSegment(
  engine: StreamEngine,
  segments: readonly Segment[],
  request: Omit<ReadRequest, 'until'>,
): Awaitable<Page> {
  const { position } = request;
  const own: ReadRequest = { ...request, until: Infinity };
  const segment = segments.find(({ until }) => position < until);
  if (segment === undefined) {
    const pages = engine.read([own]);
    return mapped(pages, ([page]) => page as Page);
  }
  const { until } = segment;
  const asked = [
    { ...request, id: segment.id, generation: segment.generation, until },
    // Nothing but how the fork is; last, because its source may go with it.
    { ...own, position: Infinity, until: 0 },
  ];
  return mapped(engine.read(asked), ([source, fork]) => ({
    current: fork?.current,
    entries: (source?.entries ?? []).map((entry) => clipped(entry, until)),
  }));
}

/** An entry without what the source has after the fork. */
function clipped(entry: Entry, until: number): Entry {
  const { position, chunks } = entry;
  return position + chunks.length <= until ? entry : { ...entry, chunks: chunks.slice(0, until - position) };
}

const mapped = <T, R>(value: Awaitable<T>, map: (value: T) => R): Awaitable<R> =>
  typeof (value as PromiseLike<T>).then === 'function'
    ? (value as PromiseLike<T>).then(map)
    : map(value as T);
