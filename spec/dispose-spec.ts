import { afterEach, describe, expect, it, vi } from 'vitest';

import { attachDispose } from '../lib/dispose.js';
import { InMemoryStreamManager } from '../lib/index.js';

/** A fresh class each time: what is attached stays. */
function createClosable() {
  return class Closable {
    closed = 0;
    close(): void {
      this.closed++;
    }
  };
}

/** Calls what `using` and `await using` call. */
const dispose = (closable: object, key: symbol): unknown =>
  (closable as Record<symbol, () => unknown>)[key]!();

describe('Disposal', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it.each([
    ['using', Symbol.dispose],
    ['await using', Symbol.asyncDispose],
  ])('closes at the end of %s', (_, key) => {
    const Closable = createClosable();
    attachDispose(Closable.prototype);
    const closable = new Closable();

    dispose(closable, key);

    expect(closable.closed).toBe(1);
  });

  it.each([
    ['neither symbol', {}, []],
    ['only the synchronous one', { dispose: Symbol.dispose }, [Symbol.dispose]],
    ['only the asynchronous one', { asyncDispose: Symbol.asyncDispose }, [Symbol.asyncDispose]],
  ])('is attached as far as a platform has it: %s', (_, platform, attached) => {
    const { prototype } = createClosable();

    vi.stubGlobal('Symbol', platform);
    attachDispose(prototype);
    vi.unstubAllGlobals();

    expect(Object.getOwnPropertySymbols(prototype)).toEqual(attached);
  });

  it('closes an input, which leaves the stream to its lease', () => {
    const streams = new InMemoryStreamManager({ lease: 0 });
    const input = streams.open('s');

    dispose(input, Symbol.dispose);

    expect(input.closed).toBe(true);
    expect(streams.head('s').status).toBe('error');
  });

  it('closes a manager, and closing it again changes nothing', () => {
    const streams = new InMemoryStreamManager();
    const input = streams.open('s');

    dispose(streams, Symbol.dispose);
    dispose(streams, Symbol.asyncDispose);
    streams.close();

    expect(input.closed).toBe(true);
    expect(() => streams.head('s')).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }) as Error);
  });

  it('closes a manager in the way of its own class', () => {
    const closed = vi.fn();
    class LoggingManager extends InMemoryStreamManager {
      override close(): void {
        closed();
        super.close();
      }
    }

    dispose(new LoggingManager(), Symbol.dispose);

    expect(closed).toHaveBeenCalledTimes(1);
  });
});
