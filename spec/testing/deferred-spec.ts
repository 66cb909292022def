import { describe, expect, it } from 'vitest';

import { chain } from '../../lib/testing/deferred.js';
import { Deferred } from '../../lib/testing/index.js';

describe('A Deferred', () => {
  it('calls back inside resolve and reject, in order', () => {
    const seen: string[] = [];
    const done = new Deferred<number>();
    const failed = new Deferred<number>();
    for (const name of ['a', 'b']) {
      done.then((value) => seen.push(`${name} ${value}`));
      failed.then(undefined, (error) => seen.push(`${name} ${String(error)}`));
    }

    done.resolve(1);
    failed.reject('no');
    seen.push('after');

    expect(seen).toEqual(['a 1', 'b 1', 'a no', 'b no', 'after']);
  });

  it('calls back at once when it is settled, which it is once', () => {
    const seen: unknown[] = [];
    const deferred = new Deferred<number>();
    deferred.resolve(1);
    deferred.resolve(2);
    deferred.reject('no');
    deferred.then((value) => seen.push(value));
    expect(seen).toEqual([1]);
  });

  it('can be awaited', async () => {
    const done = new Deferred<number>();
    const failed = new Deferred<number>();
    setTimeout(() => done.resolve(1));
    failed.reject(new Error('no'));
    expect(await done).toBe(1);
    await expect(Promise.resolve(failed)).rejects.toThrow('no');
  });

  it('passes on what nobody asked for', () => {
    const seen: unknown[] = [];
    const note = (value: unknown): unknown => seen.push(value);
    const done = new Deferred<number>();
    const failed = new Deferred<number>();
    done
      .then(undefined, () => 0)
      .then(null, null)
      .then(note, note);
    failed.then(() => 0).then(undefined, note);
    done.resolve(1);
    failed.reject('no');
    expect(seen).toEqual([1, 'no']);
  });

  it('goes on with what a continuation gives, now or later', () => {
    const seen: unknown[] = [];
    const deferred = new Deferred<number>();
    const later = new Deferred<string>();
    deferred
      .then((value) => value + 1)
      .then((value) => later.then((text) => `${text} ${value}`))
      .then((value) => seen.push(value));
    deferred.resolve(1);
    expect(seen).toEqual([]);
    later.resolve('later');
    expect(seen).toEqual(['later 2']);
  });

  it('gives what a continuation throws to who waits for it, and else to who settles', () => {
    const seen: unknown[] = [];
    const fail = (): never => {
      throw new Error('a bug');
    };
    const waited = new Deferred<number>();
    waited.then(fail).then(undefined, (error) => seen.push((error as Error).message));
    waited.resolve(1);
    expect(seen).toEqual(['a bug']);

    const alone = new Deferred<number>();
    alone.then(fail);
    expect(() => alone.resolve(1)).toThrow('a bug');
  });

  it('has its answer as a plain value, if there is one', () => {
    const deferred = new Deferred<number>();
    expect(deferred.now()).toBe(deferred);
    deferred.resolve(1);
    expect(deferred.now()).toBe(1);
    const failed = new Deferred<number>();
    failed.reject(new Error('no'));
    expect(() => failed.now()).toThrow('no');
  });

  it('is chained like a plain value', () => {
    const seen: unknown[] = [];
    const deferred = new Deferred<number>();
    (chain(deferred, (value) => value + 1) as Deferred<number>).then((value) => seen.push(value));
    deferred.resolve(1);
    expect(chain(5, (value) => value + 1)).toBe(6);
    expect(chain(undefined, () => 'none')).toBe('none');
    expect(seen).toEqual([2]);
  });
});
