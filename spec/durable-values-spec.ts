import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';

import {
  type Codec,
  DurableStreamManager,
  type DurableStreamManagerOptions,
  memoryEngine,
  StreamError,
} from '../lib/index.js';
import { codes, outcome } from './support/outcomes.js';
import { codeOf, noted } from './support/views.js';

const managerOf = (options?: DurableStreamManagerOptions): DurableStreamManager =>
  new DurableStreamManager(memoryEngine(), { scheduler: new VirtualTimeScheduler(), ...options });

const cyclic: unknown[] = [];
cyclic.push(cyclic);

/** What has no JSON. */
const UNSTORABLE: [name: string, value: unknown][] = [
  ['undefined', undefined],
  ['a function', () => 5],
  ['a symbol', Symbol('s')],
  ['NaN', NaN],
  ['infinity', Infinity],
  ['a big number', 1n],
  ['a big number inside of something', { n: 1n }],
  ['what contains itself', cyclic],
];

describe.each(UNSTORABLE)('A chunk that can not be stored, %s,', (_, value) => {
  it('ends the stream when it is given to next', async () => {
    const streams = managerOf();
    const input = streams.open<unknown>('s');
    const failed = noted(codes(input.failed));
    input.next('a');
    input.next(value);
    input.next('b');
    expect(failed).toEqual(['INVALID_ARGUMENT', '|']);
    expect(noted(streams.subscribe('s'))).toEqual(['a', 'INVALID_ARGUMENT']);
    expect(await streams.head('s')).toMatchObject({ status: 'error', chunks: 1 });
  });

  it('is refused alone when it is given to write', async () => {
    const streams = managerOf();
    const input = streams.open<unknown>('s');
    expect(await codeOf(() => input.write(value))).toBe('INVALID_ARGUMENT');
    expect(input.closed).toBe(false);
    expect(await outcome(() => input.flush())).toBe('OK');
    await input.write('a');
    input.complete();
    expect(noted(streams.subscribe('s'))).toEqual(['a', '|']);
  });

  it('ends the stream when it is its output, but for undefined', async () => {
    const streams = managerOf();
    const input = streams.open<unknown, unknown>('s');
    input.failed.subscribe();
    input.complete(value);
    expect(await streams.head('s')).toMatchObject({ status: value === undefined ? 'done' : 'error' });
    if (value === undefined) return;
    expect(noted(codes(input.failed))).toEqual(['INVALID_ARGUMENT', '|']);
    expect(noted(streams.subscribe('s').output())).toEqual(['INVALID_ARGUMENT']);
  });
});

describe('Values that are stored', () => {
  it.each([0, '', null, false, 'text', { a: [1, 'é😀'] }, [null]])('come back: %j', (value) => {
    const streams = managerOf();
    const input = streams.open<unknown, unknown>('s');
    input.next(value);
    input.complete(value);
    expect(noted(streams.subscribe('s'))).toEqual([value, '|']);
    expect(noted(streams.subscribe<unknown, unknown>('s').output())).toEqual([value, '|']);
  });

  it('are copies, so that what is done to them later changes nothing', () => {
    const streams = managerOf();
    const input = streams.open<{ n: number }>('s');
    const chunk = { n: 1 };
    input.next(chunk);
    chunk.n = 2;
    streams.subscribe<{ n: number }>('s').subscribe((read) => (read.n = 3));
    expect(noted(streams.subscribe('s'))).toEqual([{ n: 1 }]);
  });

  it.each([
    ['a Uint8Array', (): Uint8Array => new Uint8Array([1, 2, 3])],
    ['a Buffer of Node', (): Uint8Array => Buffer.from([1, 2, 3])],
    ['a part of a buffer', (): Uint8Array => new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4)],
  ])('are the bytes of %s, whoever changes theirs', (_, create) => {
    const streams = managerOf();
    const input = streams.open<Uint8Array, Uint8Array>('s');
    const bytes = create();
    const spoilt = (read: Uint8Array): void => void read.fill(7);
    streams.subscribe<Uint8Array>('s').subscribe(spoilt);
    input.next(bytes);
    bytes.fill(9);
    const output = create();
    input.complete(output);
    output.fill(9);
    for (let i = 0; i < 2; i++) {
      const read: Uint8Array[] = [];
      streams.subscribe<Uint8Array>('s').subscribe((chunk) => read.push(new Uint8Array(chunk)));
      streams
        .subscribe<Uint8Array, Uint8Array>('s')
        .output()
        .subscribe((chunk) => read.push(new Uint8Array(chunk)));
      expect(read).toEqual(Array(2).fill(new Uint8Array([1, 2, 3])));
      streams.subscribe<Uint8Array>('s').subscribe(spoilt);
      streams.subscribe<Uint8Array, Uint8Array>('s').output().subscribe(spoilt);
    }
  });

  it('tell complete(undefined) from complete()', () => {
    for (const codec of [undefined, 'none'] as const) {
      const streams = managerOf({ codec });
      streams.open<string, undefined>('with').complete(undefined);
      streams.open<string>('without').complete();
      expect(noted(streams.subscribe<string, undefined>('with').output())).toEqual([undefined, '|']);
      expect(noted(streams.subscribe('without').output())).toEqual(['|']);
    }
  });
});

describe('Errors that are stored', () => {
  const stored = (error: unknown, options?: DurableStreamManagerOptions): StreamError => {
    const streams = managerOf(options);
    streams.open('s').error(error);
    let read!: StreamError;
    streams.subscribe('s').subscribe({ error: (given: unknown) => (read = given as StreamError) });
    return read;
  };

  it('keep code, message and details, and no cause', () => {
    const error = new StreamError('DATA_LOSS', 'gone', { details: { at: 5 }, cause: new Error('c') });
    const read = stored(error);
    expect(read).not.toBe(error);
    expect(read).toMatchObject({
      name: 'StreamError',
      code: 'DATA_LOSS',
      message: 'gone',
      details: { at: 5 },
    });
    expect(read).not.toHaveProperty('cause');
    expect(stored(new TypeError('t'))).toMatchObject({ code: 'UNKNOWN', message: 't' });
  });

  it.each(UNSTORABLE.filter(([, value]) => typeof value !== 'number'))(
    'leave details out that have no JSON: %s',
    (_, details) => {
      const read = stored(new StreamError('ABORTED', 'm', { details }));
      expect(read).toMatchObject({ code: 'ABORTED', message: 'm' });
      expect(read).not.toHaveProperty('details');
    },
  );

  it('leave out what is too much', () => {
    const details = 'd'.repeat(1_000);
    const options = { maxChunkBytes: 600 };
    const short = stored(new StreamError('ABORTED', 'm', { details }), options);
    expect(short).toMatchObject({ code: 'ABORTED', message: 'm' });
    expect(short).not.toHaveProperty('details');
    const { code, message } = stored(new StreamError('ABORTED', '"'.repeat(1_000)), options);
    expect([code, message]).toEqual(['ABORTED', '"'.repeat(100)]);
  });

  it('are themselves by reference, with their cause', () => {
    const cause = new Error('c');
    const error = new StreamError('ABORTED', 'm', { cause, details: () => 5 });
    expect(stored(error, { codec: 'none' })).toBe(error);
    const foreign = new TypeError('t');
    expect(stored(foreign, { codec: 'none' }).cause).toBe(foreign);
  });
});

describe('Values by reference', () => {
  it('are themselves, whatever they are, and are not measured', async () => {
    const streams = managerOf({ codec: 'none', maxChunkBytes: 0, maxBytes: 0 });
    const input = streams.open<unknown, unknown>('s');
    for (const [, value] of UNSTORABLE) input.next(value);
    input.next(new Uint8Array(5));
    input.complete(cyclic);
    const read: unknown[] = [];
    streams.subscribe('s').subscribe((value) => read.push(value));
    expect(read).toHaveLength(UNSTORABLE.length + 1);
    for (const [i, [, value]] of UNSTORABLE.entries()) expect(read[i]).toBe(value);
    streams
      .subscribe<unknown, unknown>('s')
      .output()
      .subscribe((output) => expect(output).toBe(cyclic));
    expect(await streams.head('s')).toMatchObject({ status: 'done' });
  });
});

describe('A codec of your own', () => {
  class Prefixing implements Codec {
    readonly #prefix = '>';

    encode(value: unknown): string {
      if (value === 'bad') throw new TypeError('I do not like it');
      if (value === 'lost') throw new StreamError('PERMISSION_DENIED', 'not yours');
      if (value === 'wrong') return 5 as unknown as string;
      if (value === 'late') return Promise.resolve('x') as unknown as string;
      return `${this.#prefix}${String(value)}`;
    }

    decode(stored: string | Uint8Array): unknown {
      if (stored === `${this.#prefix}cursed`) throw new Error('no way back');
      return String(stored).slice(this.#prefix.length);
    }
  }
  const create = () => {
    const streams = managerOf({ codec: new Prefixing() });
    return { streams, input: streams.open<string, string>('s') };
  };

  it('stores and gives back, also as an object of a class', () => {
    const { streams, input } = create();
    input.next('a');
    input.complete('o');
    expect(noted(streams.subscribe<string>('s'))).toEqual(['a', '|']);
    expect(noted(streams.subscribe<string, string>('s').output())).toEqual(['o', '|']);
  });

  it.each([
    ['bad', 'INVALID_ARGUMENT'],
    ['wrong', 'INVALID_ARGUMENT'],
    ['late', 'INVALID_ARGUMENT'],
    ['lost', 'PERMISSION_DENIED'],
  ])('refuses %s with %s', async (chunk, code) => {
    const { streams, input } = create();
    expect(await codeOf(() => input.write(chunk))).toBe(code);
    input.failed.subscribe();
    input.next(chunk);
    expect(noted(codes(input.failed))).toEqual([code, '|']);
    expect(noted(streams.subscribe('s'))).toEqual([code]);
  });

  it('keeps what it threw as the cause', async () => {
    const { input } = create();
    const error: unknown = await input.write('bad').catch((given: unknown) => given);
    expect(error).toMatchObject({ message: "The codec can't store it: I do not like it" });
    expect((error as StreamError).cause).toBeInstanceOf(TypeError);
  });

  it('gives DATA_LOSS where it does not take back what it made', () => {
    const { streams, input } = create();
    for (const chunk of ['a', 'cursed', 'b']) input.next(chunk);
    expect(noted(streams.subscribe('s'))).toEqual(['a', 'DATA_LOSS']);
    expect(noted(streams.subscribe('s', { from: 'now' }))).toEqual([]);
    expect(input.closed).toBe(false);
  });
});

describe('Limits of what is stored', () => {
  it.each([
    ['maxChunkBytes', { maxChunkBytes: 5 }, ['abc'], 'abcd'],
    ['maxBytes', { maxBytes: 10 }, ['abc', 'abc'], ''],
    ['maxChunks', { maxChunks: 2 }, ['a', 'b'], ''],
  ])('are kept: %s', async (_, options, fitting, more) => {
    const streams = managerOf(options);
    const input = streams.open<string, string>('s');
    for (const chunk of fitting) expect(await outcome(() => input.write(chunk))).toBe('OK');
    expect(await outcome(() => input.write(more))).toBe('RESOURCE_EXHAUSTED');
    expect(input.closed).toBe(false);
    input.failed.subscribe();
    input.next(more);
    expect(noted(streams.subscribe<string>('s'))).toEqual([...fitting, 'RESOURCE_EXHAUSTED']);
  });

  it('measure UTF-8, of texts as their codec makes them', async () => {
    const input = managerOf({ maxChunkBytes: 6 }).open<unknown>('s');
    expect(await outcome(() => input.write('éé'))).toBe('OK');
    expect(await outcome(() => input.write('ééa'))).toBe('RESOURCE_EXHAUSTED');
    expect(await outcome(() => input.write('"a'))).toBe('OK');
    expect(await outcome(() => input.write('""a'))).toBe('RESOURCE_EXHAUSTED');
    expect(await outcome(() => input.write(new Uint8Array(6)))).toBe('OK');
    expect(await outcome(() => input.write(new Uint8Array(7)))).toBe('RESOURCE_EXHAUSTED');
  });

  it('hold for outputs, which have no other', async () => {
    const streams = managerOf({ maxChunkBytes: 5, maxBytes: 5, maxChunks: 1 });
    for (const [id, output, status] of [
      ['fits', 'abc', 'done'],
      ['does not', 'abcd', 'error'],
    ] as const) {
      const input = streams.open<string, string>(id);
      input.failed.subscribe();
      input.next('abc');
      input.complete(output);
      expect(await streams.head(id)).toMatchObject({ status });
    }
  });
});
