import { describe, expect, it } from 'vitest';

import { StreamError, type StreamEvent } from '../../lib/index.js';
import {
  chunkEvent,
  doneEvent,
  errorEvent,
  streamError,
  TestStreamManager,
} from '../../lib/testing/index.js';
import { testScheduler } from '../support/marbles.js';

/** What a test manager gives of its n-th stream. */
function eventsOf(
  generation: number,
  write: (streams: TestStreamManager) => void,
): StreamEvent<string, unknown>[] {
  const streams = new TestStreamManager(testScheduler());
  for (let i = 1; i < generation; i++) streams.open(`former ${String(i)}`);
  const seen: StreamEvent<string, unknown>[] = [];
  streams
    .subscribe<string, unknown>('s', { wait: Infinity })
    .events()
    .subscribe((event) => seen.push(event));
  write(streams);
  return seen;
}

describe('The events of rxjs-durable-streams/testing', () => {
  it('are those of the first stream of a test manager, written while somebody reads', () => {
    const seen = eventsOf(1, (streams) => {
      const input = streams.open<string>('s');
      for (const chunk of ['a', 'b']) input.next(chunk);
      input.complete();
    });

    expect(seen).toStrictEqual([chunkEvent('a', 1), chunkEvent('b', 2), doneEvent(2)]);
  });

  it('are those of its n-th stream, if told so', () => {
    const error = streamError('DATA_LOSS', 'half of it is gone');
    const seen = eventsOf(3, (streams) => {
      const input = streams.open<string>('s');
      input.next('a');
      input.error(error);
    });

    expect(seen).toStrictEqual([
      chunkEvent('a', 1, { generation: 3 }),
      errorEvent(1, error, { generation: 3 }),
    ]);
  });

  it('are those of a replay, if told so', () => {
    const streams = new TestStreamManager(testScheduler());
    streams.open('s').next('a');
    const seen: unknown[] = [];
    streams
      .subscribe('s')
      .events()
      .subscribe((event) => seen.push(event));

    expect(seen).toStrictEqual([chunkEvent('a', 1, { replay: true })]);
  });

  it.each<[what: string, given: { output?: unknown }]>([
    ['an output', { output: { tokens: 5 } }],
    ['an output of undefined', { output: undefined }],
    ['no output', {}],
  ])('have %s as it was given', (_, given) => {
    const seen = eventsOf(2, (streams) => {
      const input = streams.open<string, unknown>('s');
      if ('output' in given) input.complete(given.output);
      else input.complete();
    });

    expect(seen).toStrictEqual([doneEvent(0, { generation: 2, ...given })]);
    expect('output' in seen[0]!).toBe('output' in given);
  });

  it('differ by everything that an event says', () => {
    const error = streamError('NOT_FOUND', 'x');
    const events = [
      chunkEvent('a', 1),
      chunkEvent('b', 1),
      chunkEvent('a', 2),
      chunkEvent('a', 1, { replay: true }),
      chunkEvent('a', 1, { generation: 2 }),
      doneEvent(1),
      doneEvent(2),
      doneEvent(1, { generation: 2 }),
      doneEvent(1, { output: undefined }),
      doneEvent(1, { output: 'o' }),
      errorEvent(1, error),
      errorEvent(2, error),
      errorEvent(1, error, { generation: 2 }),
      errorEvent(1, streamError('UNKNOWN', 'x')),
      errorEvent(1, streamError('NOT_FOUND', 'y')),
    ];

    events.forEach((event, i) => {
      events.forEach((other, j) => {
        if (i === j) expect(event).toStrictEqual(other);
        else expect(event).not.toStrictEqual(other);
      });
    });
  });

  it('have errors with a code and a message', () => {
    expect(streamError('NOT_FOUND', 'no such stream')).toStrictEqual(
      new StreamError('NOT_FOUND', 'no such stream'),
    );
    expect(streamError('NOT_FOUND', 'x')).toMatchObject({
      code: 'NOT_FOUND',
      message: 'x',
      name: 'StreamError',
    });
  });
});
