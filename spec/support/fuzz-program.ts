import fc from 'fast-check';

/**
 * Programs for the fuzz specs: what is done from outside (`steps`), and what subscribers do inside their own
 * callbacks (`reactions`). A program is plain data: fast-check shrinks it, prints it, and it can be pasted back into a
 * spec. It always ends, because each reaction belongs to one callback of one reader and so runs once at most.
 */
export interface Program {
  readonly steps: readonly Action[];
  readonly reactions: readonly Reaction[];
}

/** What the reader (or the watcher of an input's `failed`) of that number does inside one of its callbacks. */
interface Reaction {
  readonly who: 'reader' | 'input';
  /** Readers and inputs are counted apart, each in the order in which they came to be. */
  readonly nth: number;
  /** The number of the `next` callback, or the callback of the end. */
  readonly at: number | 'end';
  readonly actions: readonly Action[];
}

export type View = 'chunks' | 'events' | 'output' | 'status';

export interface SubscribeAction {
  readonly does: 'subscribe';
  readonly stream: number;
  readonly view: View;
  /** `offset` takes one that was seen before, of whatever stream; `wait` waits for an id to be opened. */
  readonly from: 'start' | 'now' | 'tail' | 'offset' | 'wait';
  /** Which of the offsets seen before; how many to `take`. */
  readonly n: number;
  readonly through: 'nothing' | 'take';
  /** A reader with `next` alone sees no end, and its error is an unhandled one. */
  readonly handles: 'all' | 'next';
}

export type Action =
  | SubscribeAction
  | { readonly does: 'write'; readonly stream: number; readonly count: number }
  | { readonly does: 'complete'; readonly stream: number; readonly output: boolean }
  | { readonly does: 'error'; readonly stream: number; readonly code: 'UNKNOWN' | 'DATA_LOSS' | undefined }
  | { readonly does: 'open'; readonly stream: number; readonly resume: boolean }
  | { readonly does: 'close' | 'stop' | 'delete'; readonly stream: number }
  | { readonly does: 'unsubscribe'; readonly whom: number | 'self' }
  | { readonly does: 'throw' }
  | { readonly does: 'shutdown' };

/** The two ids that programs use; a second stream shows what leaks from one dispatch into another. */
export const IDS = ['a', 'b'] as const;

const stream = fc.constantFrom(0, 0, 0, 0, 0, 1);

const write = fc.record({ does: fc.constant('write' as const), stream, count: fc.constantFrom(1, 1, 2, 3) });
const complete = fc.record({ does: fc.constant('complete' as const), stream, output: fc.boolean() });
const error = fc.record({
  does: fc.constant('error' as const),
  stream,
  code: fc.constantFrom('UNKNOWN' as const, 'DATA_LOSS' as const, undefined),
});
const subscribe: fc.Arbitrary<Action> = fc.record({
  does: fc.constant('subscribe' as const),
  stream,
  view: fc.constantFrom<View[]>('chunks', 'chunks', 'chunks', 'events', 'events', 'output', 'status'),
  from: fc.constantFrom<SubscribeAction['from'][]>(
    'start',
    'start',
    'start',
    'start',
    'start',
    'now',
    'tail',
    'offset',
    'wait',
  ),
  n: fc.nat(7),
  through: fc.constantFrom<SubscribeAction['through'][]>('nothing', 'nothing', 'nothing', 'take'),
  handles: fc.constantFrom<SubscribeAction['handles'][]>('all', 'all', 'all', 'next'),
});
const unsubscribe = fc.record({
  does: fc.constant('unsubscribe' as const),
  whom: fc.constantFrom<(number | 'self')[]>('self', 'self', 0, 1, 2, 3, 4),
});
const open = fc.record({ does: fc.constant('open' as const), stream, resume: fc.boolean() });
const release = fc.record({
  does: fc.constantFrom<('close' | 'stop' | 'delete')[]>('close', 'stop', 'delete'),
  stream,
});
const fling = fc.constant<Action>({ does: 'throw' });
const shutdown = fc.constant<Action>({ does: 'shutdown' });

const actions = (
  weights: { subscribe: number; unsubscribe: number; throw: number },
  managed: boolean,
): fc.Arbitrary<Action> =>
  fc.oneof<fc.WeightedArbitrary<Action>[]>(
    { weight: 20, arbitrary: write },
    { weight: weights.subscribe, arbitrary: subscribe },
    { weight: weights.unsubscribe, arbitrary: unsubscribe },
    { weight: weights.throw, arbitrary: fling },
    { weight: 3, arbitrary: complete },
    { weight: 2, arbitrary: error },
    { weight: managed ? 3 : 0, arbitrary: release },
    { weight: managed ? 2 : 0, arbitrary: open },
    { weight: managed ? 1 : 0, arbitrary: shutdown },
  );

/** Programs for streams that have a manager (and so are opened, stopped, deleted), or for subjects alone. */
export function programs({ managed }: { managed: boolean }): fc.Arbitrary<Program> {
  const step = actions({ subscribe: 20, unsubscribe: 3, throw: 0 }, managed);
  const inCallback = actions({ subscribe: 8, unsubscribe: 5, throw: 3 }, managed);
  const reaction = fc.record<Reaction>({
    who: managed
      ? fc.constantFrom('reader', 'reader', 'reader', 'reader', 'reader', 'reader', 'input')
      : fc.constant('reader'),
    nth: fc.constantFrom(0, 0, 0, 1, 1, 2, 2, 3, 4),
    at: fc.constantFrom<Reaction['at'][]>(0, 0, 0, 1, 1, 2, 'end'),
    actions: fc.array(inCallback, { minLength: 1, maxLength: 3, size: 'max' }),
  });
  return fc.record<Program>({
    steps: fc.array(step, { minLength: 1, maxLength: 14, size: 'max' }),
    reactions: fc.array(reaction, { maxLength: 9, size: 'max' }),
  });
}

/**
 * A run is told in full by its seed, which fast-check prints when a program fails: set `FUZZ_SEED` to it to have the
 * same again, and `FUZZ_RUNS` to search for longer.
 */
export function fuzzParameters(numRuns: number): { numRuns: number; seed?: number } {
  const { FUZZ_RUNS: runs, FUZZ_SEED: seed } = process.env;
  return {
    numRuns: runs === undefined ? numRuns : Number(runs),
    ...(seed !== undefined && { seed: Number(seed) }),
  };
}
