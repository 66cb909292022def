import { NEVER, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { InMemoryStreamManager, type StreamError, type StreamInput } from '../lib/index.js';
import { marbles } from './support/marbles.js';
import { codes, outcome } from './support/outcomes.js';
import { unhandledBy } from './support/unhandled.js';
import { byCode, noted } from './support/views.js';

type Input = StreamInput<string, string>;

/** Every way in which writing ends; `code` if it is not the input's own end. */
interface End {
  name: string;
  act: (streams: InMemoryStreamManager, input: Input, clock: VirtualTimeScheduler) => void;
  status: string;
  code?: string;
}

const ENDS: End[] = [
  { name: 'complete()', act: (_, input) => input.complete(), status: 'done' },
  { name: 'complete(output)', act: (_, input) => input.complete('output'), status: 'done' },
  { name: 'error()', act: (_, input) => input.error('e'), status: 'error' },
  { name: 'close()', act: (_, input) => input.close(), status: 'open' },
  { name: 'close() without any lease to run', act: (_, input) => input.close(), status: 'error' },
  { name: 'a stop', act: (streams) => streams.stop('s'), status: 'error', code: 'CANCELLED' },
];

describe('MemoryInput', () => {
  expect([ENDS, NEVER, marbles, codes, outcome, unhandledBy, byCode, noted]).toBeDefined();
  expect({} as StreamError).toBeDefined();
});
