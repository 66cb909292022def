import { computed, effect } from '@angular/core';
import { TestBed } from '@angular/core/testing';
import { durableResource } from 'rxjs-durable-streams/angular';
import { describe, expect, it } from 'vitest';

import { Accumulation, type Folder, Log, Reduction } from '../../lib/angular/accumulation.js';
import { angularWorld, made, until } from '../support/angular-testbed.js';

const COUNT = 50_000;
const numbers = Array.from({ length: COUNT }, (_, n) => n);

/** A log that counts how many chunks it copies. */
class CountingLog extends Log<number> {
  copied = 0;

  override value(): readonly number[] {
    const value = super.value();
    this.copied += value.length;
    return value;
  }
}

describe('an accumulation', () => {
  it('makes a value for each look, not for each chunk', () => {
    const log = new CountingLog([]);
    const { value, add } = bound(new Accumulation(log));
    for (const n of numbers) {
      add(n);
      // As often as a page is rendered, at best.
      if (n % 5_000 === 4_999) expect(value().length).toBe(n + 1);
    }
    // Ten looks, at 5,000, 10,000, … chunks.
    expect(log.copied).toBe(275_000);
    expect(value()).toEqual(numbers);
    expect(log.copied).toBe(275_000);
  });

  it('tells whoever depends on it once, until somebody has looked', () => {
    const folder: Folder<number, number> = new Reduction(0, (sum, n: number) => sum + n);
    const { value, add } = bound(new Accumulation(folder));
    let runs = 0;
    const doubled = computed(() => {
      runs++;
      return value() * 2;
    });
    expect(doubled()).toBe(0);
    for (const n of [1, 2, 3]) add(n);
    expect([doubled(), doubled(), runs]).toEqual([12, 12, 2]);
    add(4);
    expect([doubled(), runs]).toEqual([20, 3]);
  });

  it('tells nobody where a reducer gives the same again', () => {
    const { value, add } = bound(new Accumulation(new Reduction('', (text: string, c: string) => text || c)));
    let runs = 0;
    const length = computed(() => {
      runs++;
      return value().length;
    });
    for (const c of 'abc') {
      add(c);
      expect(length()).toBe(1);
    }
    expect(runs).toBe(1);
  });

  it('is as before after a chunk that its reducer has thrown on', () => {
    const reduce = (sum: number, n: number) => {
      if (n === 2) throw new Error('two');
      return sum + n;
    };
    const { value, add } = bound(new Accumulation(new Reduction(0, reduce)));
    add(1);
    expect(() => {
      add(2);
    }).toThrow('two');
    expect(value()).toBe(1);
    add(3);
    expect(value()).toBe(4);
  });

  it('does not share the array that it begins with', () => {
    const first = [1];
    const { value, add } = bound(new Accumulation(new Log(first)));
    add(2);
    expect([value(), first]).toEqual([[1, 2], [1]]);
  });
});

describe('durableResource, of 50,000 chunks', () => {
  it.each(['that are there', 'that come'])('%s, loses none and renders few times', async (when) => {
    const { streams } = angularWorld();
    const input = streams.open<number>('a');
    if (when === 'that are there') for (const n of numbers) input.next(n);
    const resource = made(() => durableResource<number>({ id: () => 'a' }));
    const seen = new Set<readonly number[]>();
    TestBed.runInInjectionContext(() => effect(() => void seen.add(resource.chunks())));
    await until(resource.status, 'open');
    if (when === 'that come') {
      for (const [index, n] of numbers.entries()) {
        input.next(n);
        // So that they come in many answers.
        if (index % 100 === 99) await Promise.resolve();
      }
    }
    input.complete();
    await until(resource.status, 'done');
    TestBed.tick();
    expect(resource.chunks()).toEqual(numbers);
    // Each of them is a copy, so this bounds the work: it does not grow with the number of chunks.
    expect(seen.size).toBeLessThan(100);
  });
});

/** Its two sides, as functions. */
const bound = <C, A>(accumulation: Accumulation<C, A>) => ({
  value: accumulation.value,
  add: (chunk: C) => {
    accumulation.add(chunk);
  },
});
