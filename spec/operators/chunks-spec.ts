import { from } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { chunks, type StreamEvent } from '../../lib/index.js';
import {
  chunkEvent,
  doneEvent,
  errorEvent,
  streamError,
  TestStreamManager,
} from '../../lib/testing/index.js';
import { marbles, testScheduler } from '../support/marbles.js';
import { byCode } from '../support/views.js';

const failure = streamError('DATA_LOSS', 'half of it is gone');

const events: Record<string, StreamEvent<string, string>> = {
  a: chunkEvent('A', 1, { replay: true }),
  b: chunkEvent('B', 2),
  d: doneEvent(2, { output: 'all' }),
  e: errorEvent(2, failure),
};

const values = { a: 'A', b: 'B' };

describe('chunks', () => {
  it.each([['a chunk'], [undefined], [{ chunk: 'a' }]])('refuses what is no event: %o', (value) => {
    const seen: unknown[] = [];
    from([value, value] as never[])
      .pipe(chunks(), byCode)
      .subscribe({ next: (chunk) => seen.push(chunk), error: (code: unknown) => seen.push(code) });

    expect(seen).toEqual(['INVALID_ARGUMENT']);
  });

  it(
    'completes at `done`, and leaves the source',
    marbles((m) => {
      const source = m.hot('  -a-b-d-a-|', events);
      const sourceSubs = '    ^----!';
      const expected = '      -a-b-|';

      m.expect(source.pipe(chunks())).toBeObservable(expected, values);
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it(
    "errors with the stream's error at `error`, and leaves the source",
    marbles((m) => {
      const source = m.hot('  -a-b-e-a-|', events);
      const sourceSubs = '    ^----!';
      const expected = '      -a-b-#';

      m.expect(source.pipe(chunks(), byCode)).toBeObservable(expected, values, 'DATA_LOSS');
      m.expect(source).toHaveSubscriptions(sourceSubs);
    }),
  );

  it('gives the error of the event itself', () => {
    let error: unknown;
    const source = new TestStreamManager(testScheduler());
    source.open('s').error(failure);

    source
      .subscribe('s')
      .events()
      .pipe(chunks())
      .subscribe({ error: (given: unknown) => (error = given) });

    expect(error).toBe(failure);
  });

  it(
    'leaves an error notification as it is',
    marbles((m) => {
      const source = m.hot('  -a-#', events, 'no network');
      const expected = '      -a-#';

      m.expect(source.pipe(chunks())).toBeObservable(expected, values, 'no network');
    }),
  );

  it(
    'completes with a source that ends without an outcome',
    marbles((m) => {
      const source = m.hot('  -a-|', events);
      const expected = '      -a-|';

      m.expect(source.pipe(chunks())).toBeObservable(expected, values);
    }),
  );

  it(
    'leaves the source when its subscriber leaves',
    marbles((m) => {
      const source = m.hot('  -a-b-d', events);
      const leaving = '       ^-!   ';
      const expected = '      -a    ';

      m.expect(source.pipe(chunks()), leaving).toBeObservable(expected, values);
      m.expect(source).toHaveSubscriptions(leaving);
    }),
  );

  it.each([
    ['a stream that is done', 'a-b-|', '    a-b-|'],
    ['a stream that fails', 'a-b-#', '    a-b-#'],
    ['a stream that stays open', 'a-b--', '   a-b--'],
  ])('undoes events() of %s', (_, written, expected) => {
    marbles((m) => {
      const streams = new TestStreamManager(m.scheduler);
      const stream = streams.subscribe('s');
      streams.write('s', written, values, { error: failure });

      m.expect(stream.events().pipe(chunks(), byCode)).toBeObservable(expected, values, 'DATA_LOSS');
      m.expect(stream.pipe(byCode)).toBeObservable(expected, values, 'DATA_LOSS');
    })();
  });
});
