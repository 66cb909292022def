import type { TestScheduler } from 'rxjs/testing';

import { marbles, testScheduler } from '../support/marbles.js';

/** A way to run a marble test to its end. `frame` is how many ms a character of a marble is. */
export interface Environment {
  readonly name: string;
  readonly run: (test: (scheduler: TestScheduler, frame: number) => void) => void;
}

/** All that rxjs-durable-streams/testing works with. */
export const environments: readonly Environment[] = [
  {
    name: 'rxjs-marbles',
    run: (test) => {
      marbles((m) => {
        test(m.scheduler, 1);
      })();
    },
  },
  {
    name: 'TestScheduler in run mode',
    run: (test) => {
      const scheduler = testScheduler();
      scheduler.run(() => {
        test(scheduler, 1);
      });
    },
  },
  {
    name: 'TestScheduler out of run mode',
    run: (test) => {
      const scheduler = testScheduler();
      test(scheduler, 10);
      scheduler.flush();
    },
  },
];
