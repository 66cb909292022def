import { describe, expect, it } from 'vitest';

import { StreamError } from '../lib/errors.js';
import { InputFailure } from '../lib/input-failure.js';
import { InputRequests } from '../lib/input-requests.js';
import { heard, Outcomes } from './support/late-world.js';

const error = new StreamError('ABORTED', 'other');

function createRequests(made: number) {
  const failure = new InputFailure(() => false);
  const requests = new InputRequests(failure);
  for (let i = 0; i < made; i++) requests.made();
  return { failure, requests, outcomes: new Outcomes() };
}

describe('The requests of an input', () => {
  it('are waited for up to the last that was made by then', async () => {
    const { requests, outcomes } = createRequests(1);
    outcomes.note('one', requests.wait());
    requests.made();
    outcomes.note('two', requests.wait());
    outcomes.note('first', requests.wait(1));
    requests.carriedOut();
    await heard();
    expect(outcomes.seen).toEqual(['one OK']);
    requests.carriedOut();
    await heard();
    expect(outcomes.seen).toEqual(['one OK', 'two OK', 'first OK']);
  });

  it('are not waited for where all that is meant is carried out', async () => {
    const { requests, outcomes } = createRequests(2);
    requests.carriedOut();
    outcomes.note('first', requests.wait(1));
    outcomes.note('both', requests.wait());
    await heard();
    expect(outcomes.seen).toEqual(['first OK']);
  });

  it('fail for all who wait for one that has failed, who are told by that', async () => {
    const { requests, failure, outcomes } = createRequests(2);
    outcomes.note('first', requests.wait(1));
    outcomes.note('both', requests.wait());
    requests.carriedOut();
    requests.failed(error);
    await heard();
    expect(outcomes.seen).toEqual(['first OK', 'both ABORTED']);
    expect(failure.told).toBe(true);
  });

  it('tell nobody where nobody waits', () => {
    const { requests, failure } = createRequests(1);
    requests.failed(error);
    expect(failure.told).toBe(false);
  });

  it('are given up for all who wait, whatever is answered later', async () => {
    const { requests, outcomes } = createRequests(1);
    outcomes.note('one', requests.wait());
    requests.giveUp(error);
    requests.carriedOut();
    await heard();
    expect(outcomes.seen).toEqual(['one ABORTED']);
  });
});
