import { StreamError } from 'rxjs-durable-streams';
import { describe, expect, it } from 'vitest';

import { genkitError, httpStatusOf, isFailure, outcomeOf, toldOf } from '../../lib/genkit/errors.js';
import { CLASSES, GenkitLikeError, NotFoundLikeError, UserFacingLikeError } from './support.js';

const stored = (error: StreamError): StreamError =>
  new StreamError(error.code, error.message, {
    details: error.details === undefined ? undefined : JSON.parse(JSON.stringify(error.details)),
  });

describe('an error of Genkit', () => {
  it('has its status as its code, and is the same again from what is stored', () => {
    const error = new GenkitLikeError({ status: 'ABORTED', message: 'Again.', detail: { tries: 2 } });
    const outcome = outcomeOf(error);
    expect(outcome).toMatchObject({ name: 'StreamError', code: 'ABORTED', message: 'Again.', cause: error });
    const again = genkitError(stored(outcome), CLASSES);
    expect(again).toBeInstanceOf(GenkitLikeError);
    expect(again).toMatchObject({
      name: 'GenkitError',
      status: 'ABORTED',
      originalMessage: 'Again.',
      detail: { tries: 2 },
    });
    expect(isFailure(outcome)).toBe(false);
  });

  it('keeps a status that is no code of ours', () => {
    const outcome = outcomeOf(new GenkitLikeError({ status: 'UNIMPLEMENTED', message: 'Not yet.' }));
    expect(outcome.code).toBe('UNKNOWN');
    expect(genkitError(stored(outcome), CLASSES)).toMatchObject({ status: 'UNIMPLEMENTED' });
  });

  it('is one for users again where it was', () => {
    const outcome = stored(outcomeOf(new UserFacingLikeError('NOT_FOUND', 'No such user.', [1])));
    expect(genkitError(outcome, CLASSES)).toBeInstanceOf(UserFacingLikeError);
    expect(genkitError(outcome, CLASSES)).toMatchObject({ status: 'NOT_FOUND', detail: [1] });
    const { GenkitError } = CLASSES;
    expect(genkitError(outcome, { GenkitError })).toBeInstanceOf(GenkitLikeError);
    expect(genkitError(outcome, { GenkitError }).name).toBe('UserFacingError');
  });

  it('keeps what it says to users, whatever its status', () => {
    for (const status of ['UNKNOWN', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'] as const) {
      const outcome = stored(outcomeOf(new UserFacingLikeError(status, 'Said to users.')));
      expect(toldOf(outcome)).toMatchObject({ status, message: 'Said to users.' });
      expect(isFailure(outcome)).toBe(false);
    }
  });
});

describe('an error that is none of Genkit', () => {
  it.each([
    Object.assign(new Error('secret'), { code: 'NOT_FOUND', details: 'secret' }),
    Object.assign(new Error('secret'), { status: 'NOT_FOUND' }),
    Object.assign(new Error('secret'), { status: 404, originalMessage: 'secret' }),
    Object.assign(new Error('secret'), { status: 'constructor', originalMessage: 'secret' }),
    new Error('secret'),
  ])('is told to no client: %o', (error) => {
    const outcome = outcomeOf(error);
    expect(outcome).toMatchObject({ code: 'UNKNOWN', message: 'secret', cause: error });
    expect(outcome.details).toBeUndefined();
    expect(toldOf(outcome)).toBeUndefined();
    expect(isFailure(outcome)).toBe(true);
    const again = genkitError(outcome, CLASSES);
    expect(again).not.toBeInstanceOf(GenkitLikeError);
    expect(again).toMatchObject({ name: 'Error', message: 'secret', cause: outcome });
  });

  it('may be anything', () => {
    const unreadable = {
      get status() {
        throw new Error('no');
      },
      get message() {
        throw new Error('no');
      },
    };
    for (const error of [undefined, null, 0, 'text', Symbol('x'), unreadable]) {
      expect(outcomeOf(error).code).toBe('UNKNOWN');
    }
  });

  it('is a StreamError that somebody threw, with its code', () => {
    const error = new StreamError('RESOURCE_EXHAUSTED', 'Too much.', { details: { limit: 1 } });
    expect(outcomeOf(error)).toBe(error);
    expect(toldOf(error)).toEqual({ status: 'RESOURCE_EXHAUSTED', message: 'Too much.' });
    expect(genkitError(error, CLASSES)).toMatchObject({ name: 'GenkitError', status: 'RESOURCE_EXHAUSTED' });
  });
});

describe('an error of ours', () => {
  it('is that of an unknown stream, by its class', () => {
    const error = new StreamError('NOT_FOUND', 'There is none.', { details: { deleted: true } });
    expect(genkitError(error, CLASSES)).toBeInstanceOf(NotFoundLikeError);
    expect(genkitError(error, CLASSES)).toMatchObject({ name: 'StreamNotFoundError', cause: error });
  });

  it('does not say which host has failed', () => {
    for (const code of ['UNAVAILABLE', 'DATA_LOSS'] as const) {
      const error = new StreamError(code, 'connect ECONNREFUSED 10.0.0.1:6379');
      expect(isFailure(error)).toBe(true);
      expect(genkitError(error, CLASSES)).toMatchObject({ status: code, cause: error });
      expect(genkitError(error, CLASSES).message).not.toContain('10.0.0.1');
    }
  });

  it('has what one of Genkit has, where no class of it is known', () => {
    expect(genkitError(new StreamError('DEADLINE_EXCEEDED', 'Gone.'), {})).toMatchObject({
      name: 'GenkitError',
      message: 'DEADLINE_EXCEEDED: Gone.',
      originalMessage: 'Gone.',
      status: 'DEADLINE_EXCEEDED',
      code: 504,
    });
    expect(genkitError(new StreamError('NOT_FOUND', 'x'), {})).toMatchObject({
      status: 'NOT_FOUND',
      code: 404,
    });
  });

  it('has the HTTP status that Genkit gives it', () => {
    expect(httpStatusOf('CANCELLED')).toBe(499);
    expect(httpStatusOf('FAILED_PRECONDITION')).toBe(400);
  });
});
