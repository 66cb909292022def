import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Dated, DeadlineIndex } from '../lib/deadlines.js';

interface Item extends Dated {
  readonly name: number;
}

const createItem = (name = 0): Item => ({ name, deadline: Infinity, slot: -1 });

const ITEMS = 12;

/** Where an item is put, few moments so that many are the same; or how much is asked for. */
const step = fc.oneof(
  fc.record({
    item: fc.nat(ITEMS - 1),
    deadline: fc.oneof(fc.integer({ min: -3, max: 10 }), fc.constant(Infinity)),
  }),
  fc.record({ now: fc.integer({ min: -4, max: 11 }), limit: fc.nat(ITEMS + 1) }),
);

describe('DeadlineIndex', () => {
  it('gives the same deadlines as a list that is sorted each time', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const heap = new DeadlineIndex<Item>();
        const items = Array.from({ length: ITEMS }, (_, name) => createItem(name));
        const model = new Map<Item, number>();
        for (const given of steps) {
          if ('item' in given) {
            const item = items[given.item]!;
            heap.set(item, given.deadline);
            model.set(item, given.deadline);
            if (given.deadline === Infinity) model.delete(item);
          } else {
            const { due, next } = heap.due(given.now, given.limit);
            const all = [...model.values()].sort((a, b) => a - b);
            const expected = all.filter((deadline) => deadline <= given.now).slice(0, given.limit);

            expect(due.map(({ deadline }) => deadline)).toEqual(expected);
            expect(new Set(due).size).toBe(due.length);
            expect(next?.deadline).toBe(all[expected.length]);
            expect(next !== undefined && due.includes(next)).toBe(false);
          }
          expect(heap.first?.deadline ?? Infinity).toBe(Math.min(Infinity, ...model.values()));
          expect(items.map(({ deadline }) => deadline)).toEqual(
            items.map((item) => model.get(item) ?? Infinity),
          );
          // Those in it have the places from 0 on, each its own.
          const slots = items.filter(({ slot }) => slot >= 0);
          expect(slots.every((item) => model.has(item))).toBe(true);
          expect(slots.map(({ slot }) => slot).sort((a, b) => a - b)).toEqual(
            [...model.keys()].map((_, i) => i),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('leaves in it what it says is due', () => {
    const heap = new DeadlineIndex<Item>();
    const item = createItem();
    heap.set(item, 5);

    expect(heap.due(5, 1)).toEqual({ due: [item], next: undefined });
    expect(heap.due(5, 1)).toEqual({ due: [item], next: undefined });
    expect(heap.first).toBe(item);
  });

  it('says what is next, whether it is due or not', () => {
    const heap = new DeadlineIndex<Item>();
    const [first, second, third] = [createItem(1), createItem(2), createItem(3)];
    heap.set(third, 30);
    heap.set(first, 10);
    heap.set(second, 20);

    expect(heap.due(9, 5)).toEqual({ due: [], next: first });
    expect(heap.due(20, 1)).toEqual({ due: [first], next: second });
    expect(heap.due(20, 5)).toEqual({ due: [first, second], next: third });
    expect(heap.due(20, 0)).toEqual({ due: [], next: first });
  });

  it('is empty at first, and after everything was taken out', () => {
    const heap = new DeadlineIndex<Item>();
    const item = createItem();
    const empty = { due: [], next: undefined };

    expect(heap.first).toBeUndefined();
    expect(heap.due(Infinity, 5)).toEqual(empty);
    heap.set(item, Infinity);
    expect(heap.due(Infinity, 5)).toEqual(empty);
    heap.set(item, 5);
    heap.set(item, Infinity);
    expect(heap.due(Infinity, 5)).toEqual(empty);
    expect(item).toEqual(createItem());
  });

  it('looks at about as many items as it gives', () => {
    let looks = 0;
    const heap = new DeadlineIndex<Dated>();
    for (let i = 0; i < 10_000; i++) {
      let deadline = Infinity;
      const item: Dated = {
        slot: -1,
        get deadline() {
          looks++;
          return deadline;
        },
        set deadline(value) {
          deadline = value;
        },
      };
      heap.set(item, (i * 7_919) % 10_000);
    }
    looks = 0;

    expect(heap.due(9, 100).due).toHaveLength(10);
    expect(looks).toBeLessThan(200);
  });
});
