import { describe, expect, it } from 'vitest';
import { batches } from '../../lib/cli/batches.js';

const one = (): number => 1;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function* numbers(count: number, taken: number[] = []): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) {
    taken.push(i);
    yield await Promise.resolve(i);
  }
}

describe('batches', () => {
  it('hold all that has come while the one before was dealt with', async () => {
    const found: number[][] = [];
    for await (const batch of batches(numbers(10), one, 100)) {
      found.push(batch);
      await turn();
    }
    expect(found).toEqual([[0], [1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  it('take no more from a source than fits', async () => {
    const taken: number[] = [];
    const found: number[][] = [];
    for await (const batch of batches(numbers(10, taken), one, 3)) {
      found.push(batch);
      await turn();
      expect(taken.length).toBeLessThanOrEqual(found.flat().length + 3);
    }
    expect(found).toEqual([[0], [1, 2, 3], [4, 5, 6], [7, 8, 9]]);
  });

  it('give what came before a failure, then the failure', async () => {
    const found: number[][] = [];
    const failing = (async function* () {
      yield* numbers(3);
      throw new Error('broken');
    })();
    await expect(
      (async () => {
        for await (const batch of batches(failing, one, 100)) {
          found.push(batch);
          await turn();
        }
      })(),
    ).rejects.toThrow('broken');
    expect(found).toEqual([[0], [1, 2]]);
  });

  it('are none where there is nothing', async () => {
    for await (const batch of batches(numbers(0), one, 1)) expect(batch).toBe('nothing');
  });
});
