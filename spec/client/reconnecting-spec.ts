import { durableStream } from 'rxjs-durable-streams/client';
import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  clientWorld as world,
  event,
  live,
  page,
  PatientClock,
  recorded,
  refusing,
  silent,
  unreachable,
} from '../support/client.js';

const closed = page(['a'], '1', { closed: true });

describe('what can be retried', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('is retried with a delay that doubles, up to the longest', async () => {
    const { clock, script, stream } = world(
      { retry: { delay: 1, maxDelay: 5 } },
      ...Array.from({ length: 5 }, () => unreachable),
      closed,
    );
    await recorded(clock, stream).toBe('17ms (a|)');
    expect(script.asked.map(({ frame }) => frame)).toEqual([0, 1, 3, 7, 12, 17]);
  });

  it('is retried after a delay of which a share is left to chance', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const { clock, stream } = world({ retry: { delay: 100, jitter: 0.4 } }, unreachable, closed);
    await recorded(clock, stream).toBe('80ms (a|)');
  });

  it('is given up after so many failures in a row, and begins anew with each success', async () => {
    const { clock, script, stream } = world(
      { retry: { count: 1, delay: 10 } },
      unreachable,
      page(['a'], '1'),
      unreachable,
      page(['b'], '2'),
      unreachable,
    );
    await recorded(clock, stream).toBe('10ms a 9ms b 9ms #', undefined, 'UNAVAILABLE');
    expect(script.asked.length).toBe(6);
  });

  it.each([408, 425, 429, 500, 502, 503, 504])('is a %i', async (status) => {
    const { clock, stream } = world({}, refusing(status), closed);
    await recorded(clock, stream).toBe('250ms (a|)');
  });

  it('waits for as long as the server asks', async () => {
    const { clock, stream } = world({}, refusing(429, { 'retry-after': '3' }), closed);
    await recorded(clock, stream).toBe('3s (a|)');
    const date = new Date(5_000).toUTCString();
    const later = world({}, refusing(503, { 'retry-after': date }), closed);
    await recorded(later.clock, later.stream).toBe('5s (a|)');
  });

  it('is what `when` says', async () => {
    const codes: unknown[] = [];
    const when = (error: unknown): boolean => {
      codes.push((error as { code: unknown }).code);
      return codes.length < 2;
    };
    const { clock, stream } = world({ retry: { when } }, unreachable);
    await recorded(clock, stream).toBe('250ms #', undefined, 'UNAVAILABLE');
    expect(codes).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  });
});

describe('what can not be retried', () => {
  it.each([
    [400, 'INVALID_ARGUMENT'],
    [403, 'PERMISSION_DENIED'],
    [404, 'NOT_FOUND'],
    [409, 'FAILED_PRECONDITION'],
    [410, 'OUT_OF_RANGE'],
    [431, 'RESOURCE_EXHAUSTED'],
    [418, 'UNKNOWN'],
  ])('is a %i: %s', async (status, code) => {
    const { clock, script, stream } = world({}, refusing(status));
    await recorded(clock, stream).toBe('#', undefined, code);
    expect(script.asked.length).toBe(1);
  });

  it('is a stream that is gone, where a 410 says that it is not the offset', async () => {
    const body = '{"error":{"code":"NOT_FOUND","message":"It is deleted."}}';
    const { clock, stream } = world({}, refusing(410, {}, body));
    await recorded(clock, stream).toBe('#', undefined, 'NOT_FOUND');
  });

  it('is what was aborted, before or meanwhile', async () => {
    const controller = new AbortController();
    const { clock, script, stream } = world({ signal: controller.signal }, page(['a'], '1'), silent);
    const notes = recorded(clock, stream);
    await clock.until(5);
    controller.abort();
    await notes.toBe('a 4ms #', undefined, 'CANCELLED');
    expect(script.asked[1]?.signal.aborted).toBe(true);
    await clock.until(1_000_000);
    await recorded(clock, stream).toBe('1000000ms #', undefined, 'CANCELLED');
    expect([script.asked.length, clock.actions.length]).toEqual([2, 0]);
  });

  it('is an argument that breaks a rule', async () => {
    for (const options of [
      { after: 'a b' },
      { after: 'now' },
      { after: '1', from: 'now' as const },
      { live: 'never' as never },
      { wait: -1 },
      { retry: { jitter: 2 } },
    ]) {
      const { clock, script, stream } = world(options, closed);
      await recorded(clock, stream).toBe('#', undefined, 'INVALID_ARGUMENT');
      expect(script.asked).toEqual([]);
    }
    const clock = new PatientClock();
    for (const url of ['/relative', 'ftp://host/a']) {
      await recorded(clock, durableStream(url)).toBe('#', undefined, 'INVALID_ARGUMENT');
      clock.frame = 0;
    }
  });
});

describe('a connection', () => {
  it('that the server ends is made again at once, after what was told last', async () => {
    const [first, second] = [live(), live()];
    const { clock, script, stream } = world(
      {},
      page(['a'], '1', { upToDate: true }),
      first.answer,
      second.answer,
    );
    const notes = recorded(clock, stream);
    first.send(event([], '1', { upToDate: true }));
    await clock.until(30_000);
    first.send(event(['b'], '2', { upToDate: true, streamCursor: '5' }));
    await clock.until(60_000);
    first.end();
    second.send(event(['c'], '3', { streamClosed: true }));
    await notes.toBe('a 29999ms b 29999ms (c|)');
    expect(script.times.at(-1)).toBe('60000 cursor=5&live=sse&offset=2');
  });

  it('that is cut between data and its offset has not given the data', async () => {
    const [first, second] = [live(), live()];
    const { clock, script, stream } = world(
      {},
      page(['a'], '1', { upToDate: true }),
      first.answer,
      second.answer,
    );
    const notes = recorded(clock, stream);
    first.send(event([], '1', { upToDate: true }));
    first.send('event: data\ndata:["b"]\n\nevent: control\ndata:{"streamNextOff');
    await clock.until(2_000);
    first.cut();
    second.send(event(['b'], '2', { streamClosed: true }));
    await notes.toBe('a 2249ms (b|)');
    expect(script.times.at(-1)).toBe('2250 cursor=1&live=sse&offset=1');
  });

  it('on which nothing is heard is given up: one that waits later than one that does not', async () => {
    const { clock, script, stream } = world({ silence: 1_000 }, silent, closed);
    await recorded(clock, stream).toBe('1250ms (a|)');
    expect(script.asked[0]?.signal.aborted).toBe(true);

    const quiet = live();
    const next = live();
    next.send(event(['b'], '2', { streamClosed: true }));
    const begun = page(['a'], '1', { upToDate: true });
    const other = world({ silence: 1_000 }, begun, quiet.answer, next.answer);
    quiet.send(event([], '1', { upToDate: true }));
    const notes = recorded(other.clock, other.stream);
    await other.clock.until(40_000);
    quiet.send(': still there\n\n');
    await notes.toBe('a 101s 249ms (b|)');
  });

  it('that is over at once without anything new is not made again at once', async () => {
    const restless = () => {
      const events = live();
      events.send(event([], '1', { upToDate: true }));
      events.end();
      return events.answer;
    };
    const { clock, script, stream } = world(
      {},
      page(['a'], '1', { upToDate: true }),
      ...Array.from({ length: 20 }, restless),
    );
    const { subscription } = recorded(clock, stream);
    await clock.until(2_000);
    expect(script.asked.length).toBe(10);
    subscription.unsubscribe();
  });

  it('is tried again as soon as the network is back', async () => {
    const target = new EventTarget();
    vi.stubGlobal('addEventListener', target.addEventListener.bind(target));
    vi.stubGlobal('removeEventListener', target.removeEventListener.bind(target));
    const { clock, stream } = world({ retry: { delay: 20_000 } }, unreachable, closed);
    const notes = recorded(clock, stream);
    await clock.until(7);
    target.dispatchEvent(new Event('online'));
    await notes.toBe('7ms (a|)');
    vi.unstubAllGlobals();
  });
});

describe('an answer that no server should give', () => {
  const odd = { upToDate: true };
  const cut = { headers: { 'stream-next-offset': '2', 'stream-up-to-date': 'true' } };

  it.each([
    ['that goes back', page(['x'], '0', odd)],
    ['that has something and goes nowhere', page(['x'], '1', odd)],
    ['without an offset', () => new Response('<html>')],
    ['that is cut off', () => new Response('["b"', cut)],
    ['that is no array', () => new Response('{}', cut)],
  ])('is asked for again past all caches: one %s', async (_what, answer) => {
    const type = (asked: Parameters<typeof answer>[0]) => {
      const response = answer(asked) as Response;
      response.headers.set('content-type', 'application/json');
      return response;
    };
    const { clock, script, stream } = world({}, page(['a'], '1'), type, page(['b'], '2', { closed: true }));
    await recorded(clock, stream).toBe('a 249ms (b|)');
    expect(script.asked.map(({ cache }) => cache)).toEqual([undefined, undefined, 'no-store']);
  });

  it('is an error if it is given again and again', async () => {
    const { clock, stream } = world({}, () => new Response('<html>'));
    await recorded(clock, stream).toBe('750ms #', undefined, 'UNKNOWN');
  });

  it('is an error if it is too large, on one line or on many', async () => {
    const large = world({ maxResponseBytes: 1_000 }, page(['x'.repeat(2_000)], '1'));
    await recorded(large.clock, large.stream).toBe('#', undefined, 'RESOURCE_EXHAUSTED');
    for (const endless of [`data:${'x'.repeat(600)}`, `data:${'x'.repeat(600)}\n`]) {
      const events = live();
      const { clock, stream } = world(
        { maxResponseBytes: 1_000 },
        page(['a'], '1', { upToDate: true }),
        events.answer,
      );
      const notes = recorded(clock, stream);
      for (let i = 0; i < 3; i++) events.send(endless);
      await notes.toBe('(a#)', undefined, 'RESOURCE_EXHAUSTED');
      expect(events.gone).toBe(true);
    }
  });
});
