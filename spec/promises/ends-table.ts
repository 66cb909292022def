import type { OpenOptions, StreamErrorCode, StreamInput, StreamManager } from '../../lib/index.js';

/** A cause, by which a stream with the chunks a and b ends in frame 5. */
export interface Cause {
  readonly cause: string;
  readonly at: number;
  readonly happens: (input: StreamInput<string, string>, streams: StreamManager) => unknown;
  readonly options?: OpenOptions;
  readonly maxChunks?: number;
  /** The rows of the design's table: done, another outcome, or no outcome. */
  readonly end: { done: string } | { outcome: StreamErrorCode } | { lost: StreamErrorCode };
  /** What `failed` emits, with `f` for the code of the end. */
  readonly failed: string;
}

export const CAUSES: Cause[] = [
  {
    cause: 'is completed with an output',
    at: 5,
    happens: (input) => {
      input.complete('o');
    },
    end: { done: 'done:o' },
    failed: '-----|',
  },
  {
    cause: 'is completed without an output',
    at: 5,
    happens: (input) => {
      input.complete();
    },
    end: { done: 'done' },
    failed: '-----|',
  },
  {
    cause: 'is completed in the grace of a stop',
    at: 5,
    happens: (input, streams) => {
      void streams.stop('s', { grace: 1 });
      input.complete('o');
    },
    end: { done: 'done:o' },
    failed: '-----|',
  },
  {
    cause: 'fails with a canonical code',
    at: 5,
    happens: (input) => {
      input.error({ code: 'PERMISSION_DENIED' });
    },
    end: { outcome: 'PERMISSION_DENIED' },
    failed: '-----|',
  },
  {
    cause: 'fails with a foreign error',
    at: 5,
    happens: (input) => {
      input.error(new TypeError('foreign'));
    },
    end: { outcome: 'UNKNOWN' },
    failed: '-----|',
  },
  {
    cause: 'is stopped',
    at: 5,
    happens: (_input, streams) => streams.stop('s'),
    end: { outcome: 'CANCELLED' },
    failed: '-----(f|)',
  },
  {
    cause: 'is stopped after a grace',
    at: 3,
    happens: (_input, streams) => streams.stop('s', { grace: 2 }),
    end: { outcome: 'CANCELLED' },
    failed: '-----(f|)',
  },
  {
    cause: 'loses its lease',
    at: 3,
    options: { lease: 2 },
    happens: (input) => {
      input.close();
    },
    end: { outcome: 'DEADLINE_EXCEEDED' },
    failed: '---|',
  },
  {
    cause: 'can not take a chunk',
    at: 5,
    maxChunks: 2,
    happens: (input) => {
      input.next('too many');
    },
    end: { outcome: 'RESOURCE_EXHAUSTED' },
    failed: '-----(f|)',
  },
  {
    cause: 'is deleted',
    at: 5,
    happens: (_input, streams) => streams.delete('s'),
    end: { lost: 'NOT_FOUND' },
    failed: '-----(f|)',
  },
  {
    cause: 'expires',
    at: 0,
    options: { expiresAt: 5 },
    happens: () => undefined,
    end: { lost: 'NOT_FOUND' },
    failed: '-----(f|)',
  },
  {
    cause: 'is lost as its manager is closed',
    at: 5,
    happens: (_input, streams) => streams.close(),
    end: { lost: 'UNAVAILABLE' },
    failed: '-----(f|)',
  },
];

/** The design's table: what the views of a stream show to those who come in frame 0, and in frame 7. */
export function expectedOf(end: Cause['end']) {
  if ('done' in end) {
    const output = end.done === 'done' ? '|' : '(O|)';
    return {
      code: undefined,
      words: { a: 'a', b: 'b', O: 'o', E: end.done, o: 'open', e: 'done' },
      views: {
        chunks: { live: '-ab--|', late: '-------(ab|)' },
        output: { live: `-----${output}`, late: `-------${output}` },
        events: { live: '-ab--(E|)', late: '-------(abE|)' },
        status: { live: 'o----(e|)', late: '-------(e|)' },
      },
    };
  }
  if ('outcome' in end) {
    return {
      code: end.outcome,
      words: { a: 'a', b: 'b', E: `error:${end.outcome}`, o: 'open', e: 'error' },
      views: {
        chunks: { live: '-ab--#', late: '-------(ab#)' },
        output: { live: '-----#', late: '-------#' },
        events: { live: '-ab--(E|)', late: '-------(abE|)' },
        status: { live: 'o----(e|)', late: '-------(e|)' },
      },
    };
  }
  return {
    code: end.lost,
    words: { a: 'a', b: 'b', o: 'open' },
    views: {
      chunks: { live: '-ab--#', late: '-------#' },
      output: { live: '-----#', late: '-------#' },
      events: { live: '-ab--#', late: '-------#' },
      status: { live: 'o----#', late: '-------#' },
    },
  };
}
