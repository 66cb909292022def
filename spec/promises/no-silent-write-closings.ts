import { map, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import type { OpenOptions, StreamErrorCode, StreamInput, StreamManager } from '../../lib/index.js';
import type { ManagerFactory } from '../support/manager-factory.js';
import { unhandledBy } from '../support/unhandled.js';
import { codeOf, eventWord, noted } from '../support/views.js';

type Input = StreamInput<string, string>;

/** Something after which an input can't write any more. */
interface Closing {
  readonly after: string;
  readonly code: StreamErrorCode;
  /** Whether the input did it itself, so that nobody is told before something is refused. */
  readonly own: boolean;
  readonly options?: OpenOptions;
  readonly happens: (input: Input, streams: StreamManager) => unknown;
}

const CLOSINGS: Closing[] = [
  {
    after: 'complete()',
    code: 'FAILED_PRECONDITION',
    own: true,
    happens: (input) => {
      input.complete('o');
    },
  },
  {
    after: 'error()',
    code: 'FAILED_PRECONDITION',
    own: true,
    happens: (input) => {
      input.error({ code: 'DATA_LOSS' });
    },
  },
  {
    after: 'close()',
    code: 'FAILED_PRECONDITION',
    own: true,
    happens: (input) => {
      input.close();
    },
  },
  {
    after: 'close() and the loss of the lease',
    code: 'FAILED_PRECONDITION',
    own: true,
    options: { lease: 5 },
    happens: (input) => {
      input.close();
    },
  },
  {
    after: 'a stop',
    code: 'CANCELLED',
    own: false,
    happens: (_input, streams) => streams.stop('s'),
  },
  {
    after: 'the grace of a stop',
    code: 'CANCELLED',
    own: false,
    happens: (_input, streams) => streams.stop('s', { grace: 5 }),
  },
  {
    after: 'a takeover',
    code: 'ABORTED',
    own: false,
    happens: (_input, streams) => streams.open<string, string>('s', { resume: true }).opened,
  },
  {
    after: 'a deletion',
    code: 'NOT_FOUND',
    own: false,
    happens: (_input, streams) => streams.delete('s'),
  },
  {
    after: 'an expiry',
    code: 'NOT_FOUND',
    own: false,
    options: { expiresAt: 5 },
    happens: () => undefined,
  },
  {
    after: 'the close() of the manager',
    code: 'UNAVAILABLE',
    own: false,
    happens: (_input, streams) => streams.close(),
  },
];

/** The calls that have no other way to say that they were refused. */
const MUTE_CALLS: [string, (input: Input) => void][] = [
  [
    'next',
    (input) => {
      input.next('x');
    },
  ],
  [
    'complete',
    (input) => {
      input.complete();
    },
  ],
  [
    'error',
    (input) => {
      input.error(new Error('x'));
    },
  ],
];

export function closings(createManager: ManagerFactory): void {
  describe.each(CLOSINGS)('after $after', ({ code, own, options, happens }) => {
    const prepared = async () => {
      const clock = new VirtualTimeScheduler(undefined, 10);
      const streams = createManager(clock);
      const input = streams.open<string, string>('s', options);
      const events = noted(streams.subscribe<string, string>('s').events().pipe(map(eventWord)));
      input.next('a');
      await happens(input, streams);
      clock.flush();
      return { input, events };
    };

    it('has told nobody but those who watch', async () => {
      const unhandled = await unhandledBy(async () => {
        const { input } = await prepared();
        expect(input.closed).toBe(true);
        expect(noted(input.failed.pipe(map((error) => error.code)))).toEqual(own ? ['|'] : [code, '|']);
        expect(await codeOf(() => input.flush())).toBe(own ? undefined : code);
      });
      expect(unhandled).toEqual([]);
    });

    it.each(MUTE_CALLS)('tells failed, flush and write that %s was refused', async (_call, call) => {
      const unhandled = await unhandledBy(async () => {
        const { input, events } = await prepared();
        const before = [...events];
        call(input);
        expect(noted(input.failed.pipe(map((error) => error.code)))).toEqual([code, '|']);
        expect(await codeOf(() => input.flush())).toBe(code);
        expect(await codeOf(() => input.write('x'))).toBe(code);
        expect(events).toEqual(before);
      });
      expect(unhandled).toEqual([]);
    });

    it.each(MUTE_CALLS)('reports that %s was refused if nobody watches', async (_call, call) => {
      const unhandled = await unhandledBy(async () => {
        const { input } = await prepared();
        call(input);
      });
      expect(unhandled).toMatchObject([{ code }]);
    });

    it('reports many refusals once', async () => {
      const unhandled = await unhandledBy(async () => {
        const { input } = await prepared();
        for (const [, call] of MUTE_CALLS) call(input);
        await Promise.resolve();
        for (const [, call] of MUTE_CALLS) call(input);
      });
      expect(unhandled).toMatchObject([{ code }]);
    });

    it('rejects a write, which stores nothing and tells nobody else', async () => {
      const unhandled = await unhandledBy(async () => {
        const { input, events } = await prepared();
        const before = [...events];
        expect(await codeOf(() => input.write('x'))).toBe(code);
        expect(events).toEqual(before);
        expect(await codeOf(() => input.flush())).toBe(own ? undefined : code);
      });
      expect(unhandled).toEqual([]);
    });

    it('changes nothing by close(), however often', async () => {
      const unhandled = await unhandledBy(async () => {
        const { input, events } = await prepared();
        const before = [[...events], input.status, input.tail];
        input.close();
        input.close();
        expect([events, input.status, input.tail]).toEqual(before);
        expect(await codeOf(() => input.flush())).toBe(own ? undefined : code);
      });
      expect(unhandled).toEqual([]);
    });
  });
}
