import { map } from 'rxjs';
import type { DurableStreamOptions } from 'rxjs-durable-streams/client';
import { describe, expect, it } from 'vitest';

import { clientWorld as world, event, live, nothing, page, recorded } from '../support/client.js';
import { eventWord } from '../support/views.js';

describe('durableStream', () => {
  it('reads pages up to the tail, then events, then the end', async () => {
    const events = live();
    const { clock, script, stream } = world(
      {},
      page(['a', 'b'], '1'),
      page(['c'], '2', { upToDate: true }),
      events.answer,
    );
    const notes = recorded(clock, stream);
    await clock.until(10);
    events.send(event([], '2', { upToDate: true }));
    await clock.until(20);
    events.send(event(['d'], '3', { upToDate: true }));
    await clock.until(30);
    events.send(event(['e'], '4', { streamClosed: true }));
    await notes.toBe('(abc) 15ms d 9ms (e|)');
    expect(script.times).toEqual(['0 offset=-1', '0 offset=1', '0 live=sse&offset=2']);
    expect(events.gone).toBe(true);
  });

  it('gives events with offsets, also between those of the server, and resumes after each', async () => {
    const answers = [page(['a', 'b', 'c'], '1', { upToDate: true }), page(['d'], '2', { closed: true })];
    const offsets = async (options: DurableStreamOptions) => {
      const { clock, script, stream } = world({ live: 'long-poll', ...options }, ...answers);
      const words: string[] = [];
      stream.events().subscribe((one) => words.push(`${eventWord(one)} ${one.offset}`));
      await clock.until(1_000);
      return { words, asked: script.asked.map(({ query }) => query) };
    };
    const all = await offsets({});
    expect(all.words).toEqual(['a -1,0000000001', 'b -1,0000000002', 'c 1', 'd 2', 'done 2']);
    const rest = await offsets({ after: '-1,0000000001' });
    expect(rest.words).toEqual(['b -1,0000000002', 'c 1', 'd 2', 'done 2']);
    expect(rest.asked).toEqual(['offset=-1', 'live=long-poll&offset=1']);
    // A server may cut its answers elsewhere the next time.
    answers.splice(0, 1, page(['a'], '0'), page(['b', 'c'], '1', { upToDate: true }));
    expect((await offsets({ after: '-1,0000000002' })).words).toEqual(['c 1', 'd 2', 'done 2']);
    const sorted = [...all.words.map((word) => word.split(' ')[1])];
    expect([...sorted].sort()).toEqual(sorted);
  });

  it('says of each chunk whether it was there before', async () => {
    const events = live();
    const { clock, stream } = world(
      {},
      page(['a'], '1'),
      page(['b'], '2', { upToDate: true }),
      events.answer,
    );
    const notes: string[] = [];
    stream.events().subscribe((one) => {
      if (one.type === 'chunk') notes.push(`${one.chunk} ${one.replay}`);
    });
    events.send(event(['c'], '3', { upToDate: true }));
    await clock.until(10);
    expect(notes).toEqual(['a true', 'b true', 'c false']);
  });

  it('gives the status and the output without reading a chunk', async () => {
    const headers = { 'stream-outcome': '{"type":"done","output":{"n":1}}' };
    const views = () => world({}, page([], '9', { closed: true, headers }));
    const status = views();
    await recorded(status.clock, status.stream.status()).toBe('(d|)', { d: 'done' });
    const output = views();
    await recorded(output.clock, output.stream.output()).toBe('(o|)', { o: { n: 1 } });
    expect(output.script.times).toEqual(['0 offset=now']);
  });

  it('begins now, if that is wanted', async () => {
    const events = live();
    const { clock, script, stream } = world(
      { from: 'now' },
      page([], '7', { upToDate: true }),
      events.answer,
    );
    events.send(event(['x'], '8', { upToDate: true }));
    const notes = recorded(clock, stream);
    await notes.toBe('x', undefined);
    expect(script.times).toEqual(['0 offset=now', '0 live=sse&offset=7']);
  });

  it('errors with the error of the stream', async () => {
    const headers = {
      'stream-outcome': '{"type":"error","error":{"code":"CANCELLED","message":"st\\u00f6p","details":[1]}}',
    };
    const { clock, stream } = world({}, page(['a'], '1', { closed: true, headers }));
    let thrown: unknown;
    stream.subscribe({ error: (error: unknown) => (thrown = error) });
    await clock.until(1);
    expect(thrown).toMatchObject({ name: 'StreamError', code: 'CANCELLED', message: 'stöp', details: [1] });
    await recorded(clock, stream.events().pipe(map(eventWord))).toBe('1ms (ae|)', {
      a: 'a',
      e: 'error:CANCELLED',
    });
  });

  it('asks for an outcome that is too long to be said', async () => {
    const output = 'x'.repeat(10_000);
    const headers = { 'stream-outcome': '{"type":"done","long":true}' };
    const whole = page([], '1', { closed: true, headers: { 'stream-outcome': 'body' } });
    const { clock, script, stream } = world(
      {},
      page(['a'], '1', { closed: true, headers }),
      async (asked) => {
        const { headers: fields } = await whole(asked);
        return new Response(JSON.stringify({ type: 'done', output }), { headers: fields });
      },
    );
    await recorded(clock, stream.output()).toBe('(o|)', { o: output });
    expect(script.times).toEqual(['0 offset=now', '0 offset=1&outcome=full']);
  });

  it('aborts what is on its way when nobody wants it', async () => {
    const events = live();
    const { clock, script, stream } = world({}, page(['a'], '1', { upToDate: true }), events.answer);
    const subscription = stream.subscribe();
    await clock.until(5);
    const { signal } = script.asked[1]!;
    expect(signal.aborted).toBe(false);
    subscription.unsubscribe();
    expect(signal.aborted).toBe(true);
    await clock.until(1_000_000);
    expect([script.asked.length, clock.actions.length]).toEqual([2, 0]);
  });

  it('gives an iterator what it pulls, and asks for no more than one answer ahead', async () => {
    const answers = Array.from({ length: 10 }, (_, i) => page([`${i}a`, `${i}b`], `0${i}`));
    const { clock, script, stream } = world({}, ...answers, page([], '99', { closed: true }));
    const iterator = stream[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: '0a' });
    await clock.until(10);
    expect(script.asked.length).toBe(2);
    expect(await iterator.next()).toEqual({ done: false, value: '0b' });
    expect(await iterator.next()).toEqual({ done: false, value: '1a' });
    await clock.until(20);
    expect(script.asked.length).toBe(3);
    expect(await Promise.all([iterator.next(), iterator.next()])).toEqual([
      { done: false, value: '1b' },
      { done: false, value: '2a' },
    ]);
    const rest: string[] = [];
    for await (const chunk of iterator) rest.push(chunk);
    expect([rest.length, rest[0], rest.at(-1)]).toEqual([15, '2b', '9b']);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('lets go of its connection while an iterator pulls nothing for long, and goes on at the next pull', async () => {
    const first = live();
    const second = live();
    const { clock, script, stream } = world(
      {},
      page(['a'], '1', { upToDate: true }),
      first.answer,
      second.answer,
    );
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    first.send(event([], '1', { upToDate: true }));
    await clock.until(29_999);
    expect(first.gone).toBe(false);
    await clock.until(30_000);
    expect(first.gone).toBe(true);
    await clock.until(500_000);
    expect(script.asked.length).toBe(2);
    const pull = iterator.next();
    second.send(event(['b'], '2', { upToDate: true }));
    await clock.until(500_001);
    expect(await pull).toEqual({ done: false, value: 'b' });
    await iterator.return!();
    expect(second.gone).toBe(true);
    await clock.until(600_000);
    expect(clock.actions.length).toBe(0);
  });

  it('follows by long-poll, with the cursor that it was given', async () => {
    const { clock, script, stream } = world(
      { live: 'long-poll' },
      page(['a'], '1', { upToDate: true }),
      nothing('1', '17'),
      page(['b'], '2', { upToDate: true, headers: { 'stream-cursor': '18' } }),
      page(['c'], '3', { closed: true }),
    );
    // What is answered at once with nothing is asked for again after the first delay.
    await recorded(clock, stream).toBe('a 249ms (bc|)');
    expect(script.times).toEqual([
      '0 offset=-1',
      '0 live=long-poll&offset=1',
      '250 cursor=17&live=long-poll&offset=1',
      '250 cursor=18&live=long-poll&offset=2',
    ]);
  });
});
