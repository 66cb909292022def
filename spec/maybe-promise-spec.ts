import { describe, expect, it } from 'vitest';

import { type Awaitable, settle } from '../lib/maybe-promise.js';

/** What {@link settle} says of a call, as it says it. */
function settled(call: () => Awaitable<unknown>): unknown[] {
  const said: unknown[] = [];
  settle(
    call,
    (value) => said.push('done', value),
    (error) => said.push('failed', error),
  );
  return said;
}

const failure = new Error('x');
const fail = (): never => {
  throw failure;
};

describe('settle', () => {
  it.each([5, '', undefined, null, {}, { then: 5 }, () => 5])(
    'goes on at once with a plain value, as %j',
    (value) => {
      expect(settled(() => value)).toEqual(['done', value]);
    },
  );

  it('tells at once what a call throws', () => {
    expect(settled(fail)).toEqual(['failed', failure]);
  });

  it('goes on with what a promise gives, one microtask later', async () => {
    const said = settled(() => Promise.resolve(5));

    expect(said).toEqual([]);
    await Promise.resolve();
    expect(said).toEqual(['done', 5]);
  });

  it('tells what a promise rejects with', async () => {
    const said = settled(() => Promise.reject(failure));

    await Promise.resolve();
    expect(said).toEqual(['failed', failure]);
  });

  it('takes whatever has a method then', () => {
    const thenable: PromiseLike<number> = {
      then: (done) => {
        void done?.(5);
        return thenable as never;
      },
    };

    expect(settled(() => thenable)).toEqual(['done', 5]);
  });

  it('leaves what a continuation throws to whoever called', () => {
    const failures: unknown[] = [];

    expect(() => {
      settle(
        () => 5,
        fail,
        (error) => failures.push(error),
      );
    }).toThrow(failure);
    expect(failures).toEqual([]);
  });
});
