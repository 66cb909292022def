import type { Entry, Page, Payload } from '../engines/engine.js';
import type { StreamError } from '../errors.js';
import type { Awaitable } from '../maybe-promise.js';
import { backoff, MAX_DOUBTS, persist } from './clock.js';
import { hole, misfit, undecodable } from './continuity.js';
import type { FollowerContext, LogReader, LogSource } from './reading.js';

/** The live edge that a replay goes up to. */
export interface Edge extends LogSource {
  readonly id: string;
  /** The tag after the chunk that is being told. */
  tellingTag: number;
  /** A page after a position. */
  page(position: number): Awaitable<Page>;
  /** Whether a page is of this life of the stream; else its readers are told. */
  isThere(page: Page): boolean;
  /** A reader has been given everything before the edge. */
  arrived(reader: LogReader): void;
  /** Nothing more can be read. */
  lost(error: StreamError): void;
}

/** Brings a reader to the edge, page by page; it goes on by itself where pages have to be waited for. */
export function replay(edge: Edge, reader: LogReader, context: FollowerContext, doubts = 0): void {
  for (let again = true; again;) {
    again = false;
    if (reader.source !== edge) return;
    if (reader.start >= edge.position) {
      edge.arrived(reader);
      return;
    }
    let returned = false;
    // Recursion only where the stack has unwound since.
    const goOn = (): void => {
      if (returned) replay(edge, reader, context);
      else again = true;
    };
    persist(
      context,
      () => edge.page(reader.start),
      (page) => {
        if (page.entries.length > 0) {
          give(edge, reader, page.entries, edge.position, context);
          goOn();
        } else if (context.engine.features.staleReads && doubts < MAX_DOUBTS) {
          // The edge has passed what this read does not show yet.
          context.clock.after(backoff(doubts + 1, 5, 500, context.clock), () => {
            replay(edge, reader, context, doubts + 1);
          });
        } else if (edge.isThere(page)) {
          edge.lost(hole(edge.id, reader.start));
        }
      },
      (error) => {
        edge.lost(error);
      },
      () => reader.source === edge,
    );
    returned = true;
  }
}

/** Gives a reader that is not live what it wants of some entries, up to a position or to the edge. */
export function give(
  edge: Edge,
  reader: LogReader,
  entries: readonly Entry[],
  limit: number,
  context: FollowerContext,
): void {
  const before = edge.tellingTag;
  giveWhile(edge, reader, entries, limit, context);
  // Whoever is telling something below us on the stack goes on with that.
  edge.tellingTag = before;
}

function giveWhile(
  edge: Edge,
  reader: LogReader,
  entries: readonly Entry[],
  limit: number,
  context: FollowerContext,
): void {
  for (const [place, entry] of entries.entries()) {
    const { position, chunks } = entry;
    if (position + chunks.length <= reader.start) continue;
    const error = misfit(edge.id, entry, reader.start, reader.tag);
    if (error !== undefined) {
      reader.end({ type: 'lost', error });
      return;
    }
    for (let i = reader.start - position; i < chunks.length; i++) {
      // At the edge: what follows comes to all.
      if (reader.start >= Math.max(limit, edge.position)) return;
      reader.start++;
      reader.tag = entry.tag;
      edge.tellingTag = entry.tag;
      tell(edge, reader, chunks[i] as Payload, context);
      if (reader.source !== edge) {
        if (!context.engine.features.synchronous) reader.page = rest(entries, place, i + 1);
        return;
      }
    }
  }
}

function tell(edge: Edge, reader: LogReader, payload: Payload, { decode, report }: FollowerContext): void {
  let chunk: unknown;
  try {
    chunk = decode(payload);
  } catch (error) {
    reader.end({ type: 'lost', error: undecodable(edge.id, reader.start - 1, error) });
    return;
  }
  try {
    reader.target.next?.(chunk as never);
  } catch (error) {
    report(error);
  }
}

/** What is left of a page after a chunk; `undefined` if nothing. */
function rest(entries: readonly Entry[], place: number, from: number): readonly Entry[] | undefined {
  const { chunks } = entries[place] as Entry;
  const left = entries.slice(place + (from < chunks.length ? 0 : 1));
  return left.length > 0 ? left : undefined;
}
