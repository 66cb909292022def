import fc from 'fast-check';
import { concat, mergeMap, type Observable, of, take, throwError, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import {
  chunks,
  InMemoryStreamManager,
  type Offset,
  resumable,
  StreamError,
  type StreamEvent,
} from '../../lib/index.js';
import { record } from './support.js';

type Event = StreamEvent<number, string>;

/** How one connection misbehaves. */
interface Fault {
  /** After how many events it is cut. */
  readonly events: number;
  /** By an error, or by completing as if that were the end. */
  readonly by: 'error' | 'completion';
  /** Whether it reads from the start, whatever it was asked for. */
  readonly rewinds: boolean;
}

const faults = fc.array(
  fc.record<Fault>({
    events: fc.nat(4),
    by: fc.constantFrom('error', 'completion'),
    rewinds: fc.boolean(),
  }),
  { maxLength: 12 },
);

const ends = fc.constantFrom('done', 'error', 'stopped', 'lease');

const cut =
  ({ events, by }: Fault) =>
  (source: Observable<Event>): Observable<Event> => {
    const some = source.pipe(take(events));
    return by === 'completion'
      ? some
      : concat(
          some,
          throwError(() => new TypeError('connection reset')),
        );
  };

/** Writes chunk after chunk, each after a pause, and ends the stream in one of the ways. */
function produce(
  streams: InMemoryStreamManager,
  scheduler: VirtualTimeScheduler,
  pauses: readonly number[],
  end: 'done' | 'error' | 'stopped' | 'lease',
): void {
  const input = streams.open<number, string>('s', { lease: 10 });
  let at = 0;
  pauses.forEach((pause, chunk) => {
    at += pause;
    scheduler.schedule(() => {
      input.next(chunk);
    }, at);
  });
  scheduler.schedule(() => {
    if (end === 'done') input.complete('all');
    else if (end === 'error') input.error(new Error('no more'));
    else if (end === 'stopped') streams.stop('s');
    else input.close();
  }, at);
}

/** The outcome as chunks can't tell it: with its output. */
const withOutput = mergeMap((event: Event) =>
  event.type === 'done' ? of(`output ${String(event.output)}`) : of(event).pipe(chunks()),
);

describe('resumable over a manager', () => {
  it('gives what an unbroken subscription gives, wherever connections are cut', () => {
    const pauses = fc.array(fc.nat(3), { maxLength: 20 });
    fc.assert(
      fc.property(pauses, ends, faults, fc.nat(5), (pausesBetween, end, connections, delay) => {
        const scheduler = new VirtualTimeScheduler();
        const streams = new InMemoryStreamManager({ scheduler, ttl: 10_000 });
        produce(streams, scheduler, pausesBetween, end);
        const asked: Offset[] = [];
        const connect = (after?: Offset): Observable<Event> => {
          const fault = connections[asked.length];
          asked.push(after ?? '');
          const options = after === undefined || fault?.rewinds === true ? {} : { after };
          const connection = streams.subscribe<number, string>('s', options).events();
          return fault === undefined ? connection : connection.pipe(cut(fault));
        };

        const uncut = record(streams.subscribe<number, string>('s').events().pipe(withOutput));
        const resumed = record(
          resumable(connect, { retry: { delay, maxDelay: 50 }, scheduler }).pipe(withOutput),
        );
        scheduler.flush();

        expect(resumed).toEqual(uncut);
        expect(resumed.slice(0, pausesBetween.length)).toEqual(pausesBetween.map((_, chunk) => chunk));
        expect(['|', '# UNKNOWN', '# CANCELLED', '# DEADLINE_EXCEEDED']).toContain(resumed.at(-1));
        // What was seen is never asked for again.
        expect([...asked].sort()).toEqual(asked);
      }),
      { numRuns: 500 },
    );
  });

  it('fails with NOT_FOUND when the stream has expired while it was away', () => {
    const { seen } = away((streams, scheduler) => {
      scheduler.schedule(() => {
        streams.delete('s');
      }, 5);
    });

    expect(seen).toEqual([0, '# NOT_FOUND']);
  });

  it('fails with OUT_OF_RANGE when the id was opened anew while it was away', () => {
    const { seen } = away((streams, scheduler) => {
      scheduler.schedule(() => {
        streams.delete('s');
        streams.open<number>('s').next(7);
      }, 5);
    });

    expect(seen).toEqual([0, '# OUT_OF_RANGE']);
  });

  it('leaves nothing scheduled after the outcome', () => {
    const { seen, scheduler } = away(() => undefined);

    expect(seen).toEqual([0, 1, '|']);
    expect(scheduler.actions).toEqual([]);
  });
});

/** What is read of a stream of two chunks by a connection that is cut after the first and resumed 10 ms later. */
function away(meanwhile: (streams: InMemoryStreamManager, scheduler: VirtualTimeScheduler) => void): {
  seen: unknown[];
  scheduler: VirtualTimeScheduler;
} {
  const scheduler = new VirtualTimeScheduler();
  const streams = new InMemoryStreamManager({ scheduler });
  const input = streams.open<number>('s');
  input.next(0);
  const connect = (after?: Offset): Observable<StreamEvent<number>> => {
    const connection = streams.subscribe<number>('s', after === undefined ? {} : { after }).events();
    return after === undefined ? concat(connection.pipe(take(1)), broken) : connection;
  };
  const seen = record(resumable(connect, { retry: { delay: 10, jitter: 0 }, scheduler }).pipe(chunks()));
  meanwhile(streams, scheduler);
  scheduler.schedule(() => {
    if (!input.closed) {
      input.next(1);
      input.complete();
    }
  }, 7);
  scheduler.flush();
  return { seen, scheduler };
}

const broken = throwError(() => new StreamError('UNAVAILABLE', 'broken'));
