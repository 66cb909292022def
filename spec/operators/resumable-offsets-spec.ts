import { of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { chunks, type Offset, resumable, StreamError, type StreamEvent } from '../../lib/index.js';
import { chunkEvent, doneEvent, errorEvent, streamError } from '../../lib/testing/index.js';
import { marbles } from '../support/marbles.js';
import { byCode } from '../support/views.js';
import { record } from './support.js';

type Event = StreamEvent<string>;

/** An event of a certain life of the id. */
const chunk = (generation: number, position: number): Event =>
  chunkEvent(`${String(generation)}/${String(position)}`, position, { generation });
const done = (generation: number, length: number): Event => doneEvent(length, { generation });

/** What two connections give in turn, as chunks. */
const joined = (before: Event[], after: Event[]): unknown[] => {
  const connections = [before, after];
  const connect = () =>
    connections.shift() ?? throwError(() => new StreamError('NOT_FOUND', 'connected too often'));
  // Reconnects at once: no scheduler is asked for more than an immediate action.
  const seen: unknown[] = [];
  marbles((m) => {
    resumable(connect, { retry: { delay: 0 }, scheduler: m.scheduler })
      .pipe(chunks())
      .subscribe({
        next: (value) => seen.push(value),
        error: (error: unknown) => seen.push(`# ${(error as StreamError).code}`),
        complete: () => seen.push('|'),
      });
  })();
  return seen;
};

describe('resumable, by offsets', () => {
  const before = [chunk(5, 1), chunk(5, 2)];

  it('goes on with the next chunk of the same generation', () => {
    expect(joined(before, [chunk(5, 3), done(5, 3)])).toEqual(['5/1', '5/2', '5/3', '|']);
  });

  it('drops all that comes again when a connection starts over', () => {
    expect(joined(before, [...before, chunk(5, 3), done(5, 3)])).toEqual(['5/1', '5/2', '5/3', '|']);
  });

  describe('when the id was reused', () => {
    it.each<[what: string, after: Event[]]>([
      ['of a later life from its start', [chunk(6, 1), chunk(6, 2), chunk(6, 3)]],
      ['of a later life from the middle', [chunk(6, 2), chunk(6, 3)]],
      ['of a later life from beyond', [chunk(6, 4)]],
      ['of an earlier life from the next position', [chunk(4, 3), chunk(4, 4)]],
      ['of an earlier life from beyond', [chunk(4, 4)]],
      ['of an earlier life from its start', [chunk(4, 1), chunk(4, 2), chunk(4, 3)]],
    ])('fails with OUT_OF_RANGE for chunks %s', (_, after) => {
      expect(joined(before, after)).toEqual(['5/1', '5/2', '# OUT_OF_RANGE']);
    });

    it.each<[what: string, end: Event]>([
      ['shorter later life', done(6, 1)],
      ['longer later life', done(6, 3)],
      ['shorter earlier life', done(4, 1)],
      ['longer earlier life', done(4, 3)],
      ['failed later life', errorEvent(0, streamError('CANCELLED', 'stopped'), { generation: 6 })],
    ])('fails with OUT_OF_RANGE for the outcome of a %s', (_, end) => {
      expect(joined(before, [end])).toEqual(['5/1', '5/2', '# OUT_OF_RANGE']);
    });

    it('fails with OUT_OF_RANGE in the middle of a connection, too', () => {
      expect(joined([...before, chunk(6, 1)], [])).toEqual(['5/1', '5/2', '# OUT_OF_RANGE']);
    });

    it(
      'does not connect again, and leaves the connection',
      marbles((m) => {
        const values = { a: chunk(5, 1), b: chunk(5, 2), x: chunk(6, 1) };
        const source = m.cold('-a-b-x-x-|', values);
        const resumed = '      -a-b-#';
        const sourceSubs = '   ^----!';
        const resuming = resumable(() => source, { scheduler: m.scheduler });

        m.expect(resuming.pipe(byCode)).toBeObservable(resumed, values, 'OUT_OF_RANGE');
        m.expect(source).toHaveSubscriptions(sourceSubs);
      }),
    );
  });

  describe('in a fork', () => {
    it('goes on in a later generation at the next position', () => {
      expect(joined(before, [chunk(9, 3), chunk(9, 4), done(9, 4)])).toEqual([
        '5/1',
        '5/2',
        '9/3',
        '9/4',
        '|',
      ]);
    });

    it('takes the outcome of a later generation at the position seen', () => {
      expect(joined(before, [done(9, 2)])).toEqual(['5/1', '5/2', '|']);
    });

    it('drops what comes again of the generation before', () => {
      const fork = [...before, chunk(9, 3)];

      expect(joined(fork, [...fork, chunk(9, 4), done(9, 4)])).toEqual(['5/1', '5/2', '9/3', '9/4', '|']);
    });
  });

  describe('of a foreign form', () => {
    const foreign = (offset: Offset): Event => ({ type: 'chunk', chunk: offset, offset, replay: false });

    it('goes by their order as strings', () => {
      const end: Event = { type: 'done', offset: '0004' };

      expect(
        joined(['0001', '0003'].map(foreign), ['0002', '0003', '0004'].map(foreign).concat(end)),
      ).toEqual(['0001', '0003', '0004', '|']);
    });

    it('delivers the outcome at the tail once', () => {
      const end: Event = { type: 'done', offset: 'b' };

      expect(joined(['a', 'b'].map(foreign), [end])).toEqual(['a', 'b', '|']);
    });

    it('fails with OUT_OF_RANGE for an outcome before what was seen', () => {
      const end: Event = { type: 'done', offset: 'a' };

      expect(joined(['a', 'b'].map(foreign), [end])).toEqual(['a', 'b', '# OUT_OF_RANGE']);
    });
  });

  it('gives events as they came, whatever else they carry', () => {
    const replayed: Event = { ...chunkEvent('a', 1, { replay: true }), extra: 1 } as Event;

    expect(record(resumable(() => of(replayed, done(1, 1))))[0]).toBe(replayed);
  });

  it('joins at any offset in its first connection', () => {
    expect(joined([chunk(5, 7), done(5, 7)], [])).toEqual(['5/7', '|']);
  });
});
