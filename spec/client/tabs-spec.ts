import { BroadcastChannel as NodeChannel } from 'node:worker_threads';
import { lastValueFrom, map, toArray } from 'rxjs';
import { DurableStreamManager, memoryEngine } from 'rxjs-durable-streams';
import { durableStream, type DurableStreamOptions } from 'rxjs-durable-streams/client';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { type Answering, event, live, page, PatientClock, recorded, scripted } from '../support/client.js';
import { serve } from '../support/http-server.js';
import { FakeChannel, FakeLocks } from '../support/tabs.js';
import { eventWord, pulled } from '../support/views.js';

/** Tabs that ask the same server. */
function tabs(answers: (count: number) => Answering, options: DurableStreamOptions = {}) {
  const clock = new PatientClock();
  let count = 0;
  const script = scripted(clock, (asked) => answers(count++)(asked));
  const tab = (more: DurableStreamOptions = {}) =>
    durableStream<string, unknown>('http://host/v1/stream/a', {
      scheduler: clock,
      fetch: script.fetch,
      shareTabs: true,
      ...options,
      ...more,
      retry: { jitter: 0 },
    });
  const lives = (): number =>
    script.asked.filter(({ query, signal }) => query.includes('live=') && !signal.aborted).length;
  return { clock, script, tab, lives };
}

const begun = page(['a'], '1', { upToDate: true });

describe('tabs that share a stream', () => {
  let locks: FakeLocks;

  beforeEach(() => {
    locks = new FakeLocks();
    FakeChannel.said = [];
    vi.stubGlobal('navigator', { locks });
    vi.stubGlobal('BroadcastChannel', FakeChannel);
  });

  afterEach(() => {
    vi.unstubAllGlobals();
    const left = FakeChannel.all;
    for (const channel of left) channel.close();
    expect(left).toEqual([]);
  });

  it('have one live connection, and are told the same with the same offsets', async () => {
    const events = live();
    const { clock, script, tab, lives } = tabs((i) => (i === 1 ? events.answer : begun));
    const words = () =>
      recorded(
        clock,
        tab()
          .events()
          .pipe(map((one) => `${eventWord(one)} ${one.offset}`)),
      );
    const first = words();
    await clock.until(10);
    const others = Array.from({ length: 9 }, words);
    await clock.until(20);
    events.send(event(['b', 'c'], '2', { upToDate: true }));
    await clock.until(30);
    expect(lives()).toBe(1);
    events.send(event([], '2', { streamClosed: true, streamOutcome: { type: 'done', output: 'x' } }));
    await first.toBe('a 19ms (bc) 6ms (d|)', { a: 'a 1', b: 'b 1,0000000001', c: 'c 2', d: 'done:x 2' });
    for (const other of others) {
      await other.toBe('10ms a 9ms (bc) 6ms (d|)', {
        a: 'a 1',
        b: 'b 1,0000000001',
        c: 'c 2',
        d: 'done:x 2',
      });
    }
    expect(script.asked.length).toBe(11);
    expect(clock.actions.length).toBe(0);
  });

  it('hand over when the one that reads ends, and miss nothing', async () => {
    const [first, second] = [live(), live()];
    const { clock, script, tab, lives } = tabs((i) => [begun, first.answer, begun, second.answer][i]!);
    const leader = recorded(clock, tab());
    await clock.until(10);
    const other = recorded(clock, tab());
    await clock.until(20);
    first.send(event(['b'], '2', { upToDate: true }));
    await clock.until(30);
    leader.subscription.unsubscribe();
    second.send(event(['c'], '3', { streamClosed: true }));
    await other.toBe('10ms a 9ms b 9ms (c|)');
    expect([script.times.at(-1), lives()]).toEqual([
      '30 cursor=1&live=sse&offset=2'.replace('cursor=1&', ''),
      0,
    ]);
  });

  it('read from the server what they have missed', async () => {
    const events = live();
    const { clock, script, tab } = tabs(
      (i) => [begun, events.answer, begun, page(['b'], '2', { upToDate: true })][i]!,
    );
    recorded(clock, tab());
    await clock.until(10);
    const other = recorded(clock, tab());
    await clock.until(20);
    const deaf = FakeChannel.all[1]!;
    FakeChannel.deaf.add(deaf);
    events.send(event(['b'], '2', { upToDate: true }));
    await clock.until(30);
    FakeChannel.deaf.delete(deaf);
    events.send(event(['c'], '3', { streamClosed: true }));
    await other.toBe('10ms a 19ms (bc|)');
    expect(script.times.slice(3)).toEqual(['30 offset=1']);
  });

  it('take the place of one that says nothing, which stops to read when it can', async () => {
    const [first, second] = [live(), live()];
    const { clock, tab, lives } = tabs((i) => [begun, first.answer, begun, second.answer][i]!);
    const leader = recorded(clock, tab());
    await clock.until(10);
    first.send(event([], '1', { upToDate: true }));
    second.send(event([], '1', { upToDate: true }));
    const other = recorded(clock, tab());
    await clock.until(30);
    // It lives, but nobody hears it.
    FakeChannel.deaf.add(FakeChannel.all[1]!);
    await clock.until(40_000);
    expect([first.gone, lives()]).toEqual([true, 1]);
    FakeChannel.deaf.clear();
    second.send(event(['b'], '2', { streamClosed: true }));
    await other.toBe('10ms a 39989ms (b|)');
    await leader.toBe('a 39999ms (b|)');
  });

  it.each(['hidden', 'frozen'])('hand over when the one that reads is %s', async (what) => {
    const shown = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('document', shown);
    const [first, second] = [live(), live()];
    const { clock, tab, script } = tabs(
      (i) => [begun, first.answer, begun, second.answer, page([], '2', { closed: true })][i]!,
    );
    const leader = recorded(clock, tab({ pauseWhenHidden: true }));
    await clock.until(10);
    first.send(event([], '1', { upToDate: true }));
    // The document of another tab.
    vi.stubGlobal('document', undefined);
    const other = recorded(clock, tab());
    await clock.until(20);
    vi.stubGlobal('document', shown);
    if (what === 'hidden') shown.visibilityState = 'hidden';
    shown.dispatchEvent(new Event(what === 'hidden' ? 'visibilitychange' : 'freeze'));
    await clock.until(30);
    expect([first.gone, script.times.at(-1)]).toEqual([true, '20 live=sse&offset=1']);
    second.send(event(['b'], '2', { upToDate: true }));
    await clock.until(40);
    shown.visibilityState = 'visible';
    shown.dispatchEvent(new Event(what === 'hidden' ? 'visibilitychange' : 'resume'));
    await clock.until(50);
    second.send(event([], '2', { streamClosed: true }));
    await other.toBe('10ms a 19ms b 19ms |');
    expect(leader.messages.length).toBeGreaterThan(1);
    leader.subscription.unsubscribe();
  });

  it('each read for themselves where the platform has no locks', async () => {
    vi.stubGlobal('navigator', {});
    const { clock, tab, lives } = tabs(
      () => (asked) => (asked.query.includes('live') ? live().answer : begun)(asked),
    );
    const readings = [recorded(clock, tab()), recorded(clock, tab())];
    await clock.until(10);
    expect(lives()).toBe(2);
    for (const { subscription } of readings) subscription.unsubscribe();
  });

  it('are told everything by one connection to a real server, whoever comes and goes', async () => {
    vi.stubGlobal('BroadcastChannel', NodeChannel);
    const streams = new DurableStreamManager(memoryEngine());
    const server = await serve(streams);
    onTestFinished(() => server.close());
    const url = `${server.url}/v1/stream/s`;
    const input = streams.open<number>('s');
    let most = 0;
    let open = 0;
    const counting = (async (target: string, init: RequestInit) => {
      if (!target.includes('live=')) return fetch(target, init);
      most = Math.max(most, ++open);
      init.signal?.addEventListener('abort', () => open--);
      return fetch(target, init);
    }) as typeof fetch;
    const tab = () => durableStream<number>(url, { shareTabs: true, fetch: counting, retry: { delay: 5 } });
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    const leader = tab().subscribe();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const readings = Array.from({ length: 10 }, () => lastValueFrom(tab().pipe(toArray())));
    for (const n of numbers) {
      input.next(n);
      if (n === 100) leader.unsubscribe();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    input.complete();
    for (const reading of readings) expect(await reading).toEqual(numbers);
    expect(most).toBe(1);
    expect(await pulled(tab())).toEqual(numbers);
  });
});
