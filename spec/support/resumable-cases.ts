import { beforeEach, describe, expect, it } from 'vitest';

import type { ResumableStreamContext } from '../../lib/ai/index.js';
import { textOf, TextSource } from './text-source.js';

type MakeStream = () => ReadableStream<string>;

/** What the cases need of a context: the type of the package's, which ours has too. */
interface ContextUnderTest extends Pick<
  ResumableStreamContext,
  'resumeExistingStream' | 'hasExistingStream'
> {
  resumableStream(
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null>;
  createNewResumableStream(streamId: string, makeStream: MakeStream): Promise<ReadableStream<string> | null>;
}

/** Makes a context of its own for each case; `waitUntil` is given what its streams wait for. */
export type ContextFactory = (waitUntil: (promise: Promise<unknown>) => void) => ContextUnderTest;

/** What a context of `resumable-stream` does, whoever's it is. */
export function describeResumableStreams(name: string, newContext: ContextFactory): void {
  describe(name, () => {
    let context: ContextUnderTest;
    let waitedFor: Promise<unknown>[];
    let source: TextSource;
    beforeEach(() => {
      waitedFor = [];
      context = newContext((promise) => waitedFor.push(promise));
      source = new TextSource();
    });
    const open = (id = 'a', of = source) => context.resumableStream(id, () => of.readable);

    it('gives the first consumer what the source produces', async () => {
      const first = await open();
      source.write('1\n', '2\n', '3\n');
      source.end();

      expect(await textOf(first)).toBe('1\n2\n3\n');
    });

    it('gives a second consumer the same, whichever of both reads first', async () => {
      for (const order of [
        [0, 1],
        [1, 0],
      ]) {
        const id = `order ${String(order)}`;
        const of = new TextSource();
        const consumers = [await open(id, of), await open(id, of)];
        of.write('1\n', '2\n');
        of.end();

        const texts: string[] = [];
        for (const index of order) texts.push(await textOf(consumers[index]));
        expect(texts).toEqual(['1\n2\n', '1\n2\n']);
      }
    });

    it('gives consumers that come in the middle everything from the start', async () => {
      const consumers = [await open()];
      source.write('1\n');
      consumers.push(await open());
      source.write('2\n');
      consumers.push(await open());
      source.end();

      expect(await Promise.all(consumers.map(textOf))).toEqual(['1\n2\n', '1\n2\n', '1\n2\n']);
    });

    it('runs the source once', async () => {
      let made = 0;
      const make = () => {
        made++;
        return source.readable;
      };
      const first = await context.resumableStream('a', make);
      const second = await context.resumableStream('a', make);
      source.end();
      await Promise.all([textOf(first), textOf(second)]);

      expect(made).toBe(1);
    });

    it('keeps streams of different ids apart', async () => {
      const other = new TextSource();
      const streams = [await open('a'), await open('b', other), await open('a'), await open('b')];
      source.write('of a');
      other.write('of b');
      source.end();
      other.end();

      expect(await Promise.all(streams.map(textOf))).toEqual(['of a', 'of b', 'of a', 'of b']);
    });

    it.each([
      [0, 'one two three '],
      [3, ' two three '],
      [4, 'two three '],
      [9, 'hree '],
      [14, ''],
    ])('resumes after %i characters', async (skip, rest) => {
      const first = await context.createNewResumableStream('a', () => source.readable);
      source.write('one ', 'two ', 'three ');
      const reader = (first as ReadableStream<string>).getReader();
      for (let read = 0; read < 14;) read += (await reader.read()).value?.length ?? 0;
      const resumed = await context.resumeExistingStream('a', skip);
      source.write('four');
      source.end();

      expect(await textOf(resumed)).toBe(`${rest}four`);
    });

    it('resumes after so many characters by `resumableStream` too', async () => {
      const first = (await open())?.getReader();
      source.write('one ', 'two ');
      for (let read = 0; read < 8;) read += (await first?.read())?.value?.length ?? 0;
      const resumed = await context.resumableStream('a', () => new TextSource().readable, 5);
      source.end();

      expect(await textOf(resumed)).toBe('wo ');
    });

    it('runs a source to its end when its only consumer has left', async () => {
      const first = (await open())?.getReader();
      source.write('1\n');
      await first?.read();
      await first?.cancel();
      const second = await open();
      source.write('2\n');
      source.end();

      expect(await textOf(second)).toBe('1\n2\n');
      expect(source.cancelledWith).toBeUndefined();
    });

    it('runs a source to its end that nobody reads, and says when that is', async () => {
      await open();
      let isOver = false;
      const over = Promise.all(waitedFor).then(() => (isOver = true));
      source.write('1\n');
      expect(waitedFor).toHaveLength(1);
      expect(isOver).toBe(false);
      source.end();
      await over;

      expect(await context.hasExistingStream('a')).toBe('DONE');
    });

    it('gives other consumers everything when one has left', async () => {
      const first = await open();
      const second = (await open())?.getReader();
      source.write('1\n');
      await second?.read();
      await second?.cancel();
      source.write('2\n');
      source.end();

      expect(await textOf(first)).toBe('1\n2\n');
    });

    it('gives long streams whole', { timeout: 30_000 }, async () => {
      const lines = Array.from({ length: 5_000 }, (_, i) => `line ${i}\n`);
      const first = await open();
      source.write(...lines.slice(0, 2_500));
      const second = await open();
      source.write(...lines.slice(2_500));
      const third = await context.resumeExistingStream('a', 7);
      source.end();

      const [all, again, rest] = await Promise.all([first, second, third].map(textOf));
      expect(all).toBe(lines.join(''));
      expect(again).toBe(all);
      expect(rest).toBe(all?.slice(7));
    });

    it('says whether there is a stream', async () => {
      expect(await context.hasExistingStream('a')).toBeNull();
      expect(await context.resumeExistingStream('a')).toBeUndefined();
      await open();
      expect(await context.hasExistingStream('a')).toBe(true);
      source.end();
      await Promise.all(waitedFor);

      expect(await context.hasExistingStream('a')).toBe('DONE');
      expect(await context.hasExistingStream('b')).toBeNull();
    });
  });
}

/** What the package does with finished streams; of ours, where it is told to. */
export function describeFinishedStreams(name: string, newContext: ContextFactory): void {
  it(`gives null for a finished stream, ${name}`, async () => {
    const waitedFor: Promise<unknown>[] = [];
    const context = newContext((promise) => waitedFor.push(promise));
    const source = new TextSource();
    await context.resumableStream('a', () => source.readable);
    source.write('1\n');
    source.end();
    await Promise.all(waitedFor);

    expect(await context.resumeExistingStream('a')).toBeNull();
    expect(await context.resumableStream('a', () => new TextSource().readable)).toBeNull();
  });
}
