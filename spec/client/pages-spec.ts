import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  type Answering,
  clientWorld as world,
  live,
  page,
  recorded,
  refusing,
  silent,
  unreachable,
} from '../support/client.js';

/** A page of messages that is open until it is written; `more` are header fields. */
const opened = (next: string, more: Record<string, string> = {}) => {
  const body = live('application/json', { 'stream-next-offset': next, ...more });
  return {
    ...body,
    give: (...messages: readonly string[]) => {
      body.send(JSON.stringify(messages));
      body.end();
    },
    get gone(): boolean {
      return body.gone;
    },
  };
};

/** A page of two messages, of which each byte is made when it is asked for. */
const pulled = (next: string) => {
  const bytes = [...new TextEncoder().encode('["c","d"]')];
  const state = { left: bytes.length };
  const answer: Answering = () =>
    new Response(
      new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            controller.enqueue(Uint8Array.of(bytes[bytes.length - state.left--]!));
            if (state.left === 0) controller.close();
          },
        },
        { highWaterMark: 0 },
      ),
      { headers: { 'content-type': 'application/json', 'stream-next-offset': next } },
    );
  return { state, answer };
};

const closed = page(['z'], '9', { closed: true });

describe('a page', () => {
  it('is asked for as soon as it is known where it begins, and never more than one', async () => {
    const pages = [opened('1'), opened('2'), opened('3')];
    const { clock, script, stream } = world({}, ...pages.map(({ answer }) => answer), closed);
    const notes = recorded(clock, stream);
    await clock.until(10);
    expect(script.times).toEqual(['0 offset=-1', '0 offset=1']);
    pages[1]!.give('b');
    await clock.until(20);
    expect(script.asked.length).toBe(2);
    pages[0]!.give('a');
    await clock.until(30);
    expect(script.times.slice(2)).toEqual(['20 offset=2', '20 offset=3']);
    pages[2]!.give('c');
    await notes.toBe('20ms (ab) 6ms (cz|)');
    expect(script.asked.length).toBe(4);
    expect(clock.actions.length).toBe(0);
  });

  it.each([
    ['the last one', opened('1', { 'stream-up-to-date': 'true' }), {}],
    ['the end', opened('1', { 'stream-closed': 'true' }), {}],
    ['one that goes nowhere', opened('1'), { after: '1' }],
  ])('is not asked for ahead behind %s', async (_what, { answer }, options) => {
    const { clock, script, stream } = world(options, answer);
    const { subscription } = recorded(clock, stream);
    await clock.until(10);
    expect(script.asked.length).toBe(1);
    subscription.unsubscribe();
  });

  it('is not asked for ahead by whoever only wants the end', async () => {
    const { clock, script, stream } = world({}, opened('1').answer);
    const { subscription } = recorded(clock, stream.output());
    await clock.until(10);
    expect(script.times).toEqual(['0 offset=now']);
    subscription.unsubscribe();
  });

  it('is not asked for ahead behind one that a cache may have made up', async () => {
    const checked = opened('1');
    const { clock, script, stream } = world({}, () => new Response('<html>'), checked.answer, closed);
    const notes = recorded(clock, stream);
    await clock.until(260);
    expect(script.times).toEqual(['0 offset=-1', '250 offset=-1']);
    checked.give('a');
    await notes.toBe('260ms (az|)');
    expect(script.asked.map(({ cache }) => cache)).toEqual([undefined, 'no-store', undefined]);
  });

  it('that is asked for ahead is aborted with the one before it', async () => {
    const [first, second] = [opened('1'), opened('2')];
    const { clock, script, stream } = world({}, first.answer, second.answer);
    const { subscription } = recorded(clock, stream);
    await clock.until(10);
    subscription.unsubscribe();
    expect(script.asked.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    await clock.until(1_000_000);
    expect([first.gone, second.gone, script.asked.length, clock.actions.length]).toEqual([true, true, 2, 0]);
  });

  it('is not asked for ahead once nobody wants the one before it', async () => {
    const { clock, script, stream } = world({}, (asked) =>
      // The last moment before its header fields are looked at.
      Object.defineProperty(page(['a'], '1')(asked), 'ok', {
        get() {
          notes.subscription.unsubscribe();
          return true;
        },
      }),
    );
    const notes = recorded(clock, stream);
    await clock.until(10);
    expect([script.asked.length, notes.messages.length]).toEqual([1, 0]);
  });

  it('that is asked for ahead is let go of even by what listens to no signal', async () => {
    const cancelled = vi.fn();
    const deaf: Answering = () =>
      new Response(new ReadableStream({ cancel: cancelled }), { headers: { 'stream-next-offset': '2' } });
    const { clock, stream } = world({}, opened('1').answer, deaf);
    const { subscription } = recorded(clock, stream);
    await clock.until(10);
    expect(cancelled).not.toHaveBeenCalled();
    subscription.unsubscribe();
    await clock.until(20);
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  it('is asked for anew after the one before it has failed', async () => {
    const [first, again] = [opened('1'), opened('1')];
    const dropped = opened('2');
    const { clock, script, stream } = world({}, first.answer, dropped.answer, again.answer, closed);
    const notes = recorded(clock, stream);
    await clock.until(10);
    first.cut();
    await clock.until(11);
    expect(dropped.gone).toBe(true);
    again.give('a');
    await notes.toBe('260ms (az|)');
    expect(script.times).toEqual(['0 offset=-1', '0 offset=1', '260 offset=-1', '260 offset=1']);
  });

  it.each([
    ['that can not be reached', unreachable],
    ['that is refused', refusing(503)],
  ])('%s has failed when its turn comes, and is tried again from then on', async (_what, failing) => {
    const codes: unknown[] = [];
    const when = (error: unknown) => codes.push((error as { code: unknown }).code) > 0;
    const first = opened('1');
    const { clock, script, stream } = world({ retry: { when } }, first.answer, failing, closed);
    const notes = recorded(clock, stream);
    await clock.until(100);
    expect(codes).toEqual([]);
    first.give('a');
    await notes.toBe('100ms a 249ms (z|)');
    expect(codes).toEqual(['UNAVAILABLE']);
    expect(script.times).toEqual(['0 offset=-1', '0 offset=1', '350 offset=1']);
  });

  it('that is refused for good is an error after what was there before it', async () => {
    const first = opened('1');
    const { clock, stream } = world({}, first.answer, refusing(410));
    const notes = recorded(clock, stream);
    await clock.until(100);
    expect(notes.messages).toEqual([]);
    first.give('a');
    await notes.toBe('100ms (a#)', undefined, 'OUT_OF_RANGE');
  });

  it('that is asked for ahead is asked for with new headers after a 401', async () => {
    const headers = ({ refresh }: { refresh: boolean }) => ({ 'x-token': refresh ? 'new' : 'old' });
    const first = opened('1');
    const { clock, script, stream } = world({ headers }, first.answer, refusing(401), closed);
    const notes = recorded(clock, stream);
    await clock.until(10);
    expect(script.asked.map((asked) => asked.headers.get('x-token'))).toEqual(['old', 'old', 'new']);
    first.give('a');
    await notes.toBe('10ms (az|)');
  });

  it('that is not answered is a silence since it was asked for', async () => {
    const first = opened('1');
    const { clock, script, stream } = world({ silence: 1_000 }, first.answer, silent, closed);
    const notes = recorded(clock, stream);
    await clock.until(400);
    first.give('a');
    await notes.toBe('400ms a 849ms (z|)');
    expect(script.times).toEqual(['0 offset=-1', '0 offset=1', '1250 offset=1']);
  });

  it('may begin within a character', async () => {
    const text = new TextEncoder().encode('a€z');
    const cut = (from: number, until: number, next: string, more = {}): Answering => {
      const headers = { 'content-type': 'text/plain', 'stream-next-offset': next, ...more };
      return () => new Response(text.slice(from, until), { headers });
    };
    const { clock, script, stream } = world(
      {},
      cut(0, 2, '2'),
      cut(2, 4, '4'),
      cut(4, 5, '5', { 'stream-closed': 'true' }),
    );
    await recorded(clock, stream).toBe('(ahz|)', { a: 'a', h: '€', z: 'z' });
    expect(script.asked.length).toBe(3);
  });
});

describe('a page that waits for a slow reader', () => {
  it('is not read, and nothing is asked for behind it', async () => {
    const second = pulled('2');
    const { clock, script, stream } = world({}, page(['a', 'b'], '1'), second.answer, closed);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await clock.until(10);
    expect([script.asked.length, second.state.left]).toEqual([2, 9]);
    await iterator.next();
    await clock.until(20);
    expect([script.asked.length, second.state.left]).toEqual([3, 0]);
    expect((await iterator.next()).value).toBe('c');
    await iterator.return!();
  });

  it('for too long is given up, and asked for anew without having failed', async () => {
    const waiting = opened('2');
    const { clock, script, stream } = world(
      { silence: 1_000, retry: { count: 0 } },
      page(['a', 'b'], '1'),
      waiting.answer,
      page(['c'], '2', { closed: true }),
    );
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await clock.until(1_001);
    expect(waiting.gone).toBe(true);
    await clock.until(5_000);
    await iterator.next();
    expect((await iterator.next()).value).toBe('c');
    expect(script.times).toEqual(['0 offset=-1', '0 offset=1', '5000 offset=1']);
  });

  it('just not too long has all the time again', async () => {
    const second = opened('2');
    const { clock, script, stream } = world({ silence: 1_000 }, page(['a', 'b'], '1'), second.answer, closed);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await clock.until(900);
    await iterator.next();
    await clock.until(1_800);
    second.give('c');
    await clock.until(1_801);
    expect((await iterator.next()).value).toBe('c');
    expect(script.times.slice(0, 2)).toEqual(['0 offset=-1', '0 offset=1']);
    await iterator.return!();
  });
});

describe('a page that is hidden', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('has no page on its way, read or ahead, and goes on where it was', async () => {
    const shown = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('document', shown);
    const show = (state: string): void => {
      shown.visibilityState = state;
      shown.dispatchEvent(new Event('visibilitychange'));
    };
    const [first, second, again] = [opened('1'), opened('2'), opened('1')];
    const { clock, script, stream } = world(
      { pauseWhenHidden: true },
      first.answer,
      second.answer,
      again.answer,
      closed,
    );
    const notes = recorded(clock, stream);
    await clock.until(10);
    show('hidden');
    await clock.until(90_000);
    expect([first.gone, second.gone, script.asked.length]).toEqual([true, true, 2]);
    show('visible');
    again.give('a');
    await notes.toBe('90000ms (az|)');
    expect(script.times.slice(2)).toEqual(['90000 offset=-1', '90000 offset=1']);
  });
});
