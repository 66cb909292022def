import { take } from 'rxjs';
import { remember, type TextStorage } from 'rxjs-durable-streams/client';
import { describe, expect, it } from 'vitest';

import { clientWorld as world, page, recorded, refusing } from '../support/client.js';

class Kept extends Map<string, string> implements TextStorage {
  getItem(key: string): string | null {
    return this.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.set(key, value);
  }
  removeItem(key: string): void {
    this.delete(key);
  }
}

const pages = [page(['a', 'b'], '1', { upToDate: true }), page(['c'], '2', { closed: true })];

describe('remember', () => {
  it('keeps the offset after what was delivered, and the next subscription begins there', async () => {
    const storage = new Kept();
    const memory = remember(storage, 'key');
    const options = { remember: memory, live: 'long-poll' } as const;
    const first = world(options, ...pages);
    await recorded(first.clock, first.stream.pipe(take(1))).toBe('(a|)');
    expect([...storage]).toEqual([['key', '-1,0000000001']]);
    const second = world(options, ...pages);
    await recorded(second.clock, second.stream).toBe('(bc|)');
    expect([...storage]).toEqual([['key', '2']]);
    const third = world(options, page([], '2', { closed: true }));
    await recorded(third.clock, third.stream).toBe('|');
    expect(third.script.times).toEqual(['0 offset=2']);
  });

  it('gives way to what is asked for, and is not touched by views that deliver nothing', async () => {
    const storage = new Kept([['key', '1']]);
    const memory = remember(storage, 'key');
    const { clock, script, stream } = world(
      { remember: memory, from: 'start' },
      page(['a'], '1', { closed: true }),
    );
    await recorded(clock, stream).toBe('(a|)');
    await recorded(clock, stream.status()).toBe('1ms (d|)', { d: 'done' });
    expect(script.times).toEqual(['0 offset=-1', '1 offset=now']);
    expect([...storage]).toEqual([['key', '1']]);
  });

  it.each([
    [410, 'OUT_OF_RANGE'],
    [404, 'NOT_FOUND'],
  ])('forgets what leads nowhere (%i), so that the next time begins anew', async (status, code) => {
    const storage = new Kept([['key', '7']]);
    const memory = remember(storage, 'key');
    const { clock, stream } = world(
      { remember: memory },
      refusing(status),
      page(['a'], '1', { closed: true }),
    );
    await recorded(clock, stream).toBe('#', undefined, code);
    expect([...storage]).toEqual([]);
    await recorded(clock, stream).toBe('1ms (a|)');
  });

  it('begins anew where something else was kept, or the storage is denied', async () => {
    const memory = remember(new Kept([['key', 'a b']]), 'key');
    const { clock, stream } = world({ remember: memory }, page(['a'], '1', { closed: true }));
    await recorded(clock, stream).toBe('(a|)');

    const deny = (): never => {
      throw new DOMException('Denied.', 'SecurityError');
    };
    const denied = remember({ getItem: deny, setItem: deny, removeItem: deny }, 'key');
    const other = world({ remember: denied }, page(['a'], '1', { closed: true }));
    await recorded(other.clock, other.stream).toBe('(a|)');
  });
});
