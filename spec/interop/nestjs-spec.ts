import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { StreamManager } from 'rxjs-durable-streams';
import { beforeAll, describe, expect, it } from 'vitest';

import { nestApp } from './support/nest-app.js';
import { needServers, type Place, PLACES } from './support/places.js';

beforeAll(needServers);

interface Event {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  readonly data: string;
}

/** What an `EventSource` would be told, up to so many events; then it leaves. */
async function listen(url: string, after?: string, most = Infinity): Promise<Event[]> {
  const response = await fetch(url, after === undefined ? {} : { headers: { 'last-event-id': after } });
  expect(response.status).toBe(200);
  const body = response.body as ReadableStream<Uint8Array<ArrayBuffer>>;
  const reader = body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  const events: Event[] = [];
  while (events.length < most) {
    const { done, value } = await reader.read();
    if (done) break;
    events.push(value);
  }
  await reader.cancel();
  return events;
}

const words = (events: readonly Event[]): string =>
  events.map(({ event, data }) => (event === undefined ? data : `${event}(${data})`)).join(' ');

describe.each(Object.keys(PLACES))('A controller of NestJS, streams on %s', (place) => {
  const setUp = async (): Promise<{ streams: StreamManager; url: string }> => {
    const streams = (PLACES[place] as Place)();
    return { streams, url: `${await nestApp(streams)}/answers/a` };
  };

  it('gives a browser everything, live, and then the end', async () => {
    const { streams, url } = await setUp();
    const input = streams.open<string>('a');
    await input.write('one');
    const early = listen(url);
    expect(words(await listen(url, undefined, 1))).toBe('one');
    input.next('two\nlines');
    input.complete();

    expect(words(await early)).toBe('one two\nlines done()');
    expect(words(await listen(url))).toBe('one two\nlines done()');
  });

  it('goes on after the last event that the browser has had', async () => {
    const { streams, url } = await setUp();
    const input = streams.open<string>('a');
    for (const word of ['one', 'two', 'three']) input.next(word);
    await input.flush();
    const before = await listen(url, undefined, 2);
    const going = listen(url, before.at(-1)?.id);
    input.next('four');
    input.complete();

    expect(words(before)).toBe('one two');
    const after = await going;
    expect(words(after)).toBe('three four done()');
    expect(words(await listen(url, after.at(-1)?.id))).toBe('done()');
  });

  it('tells how a stream has failed', async () => {
    const { streams, url } = await setUp();
    const input = streams.open<string>('a');
    input.next('half');
    input.error(new Error('the model is away'));
    await input.flush();

    expect(words(await listen(url))).toBe('half failed(UNKNOWN)');
  });

  it('leaves the producer alone when its browser leaves', async () => {
    const { streams, url } = await setUp();
    const input = streams.open<string>('a');
    await input.write('one');
    await listen(url, undefined, 1);
    await input.write('two');

    expect(words(await listen(url, undefined, 2))).toBe('one two');
    expect(input.status).toBe('open');
  });

  it('answers 404 for a stream that is not there, and 410 for the offset of another one that was', async () => {
    const { streams, url } = await setUp();
    expect((await fetch(url)).status).toBe(404);
    const offset = await streams.open<string>('a').write('one');
    await streams.delete('a');
    await streams.open<string>('a').write('another');

    expect((await fetch(url, { headers: { 'last-event-id': offset } })).status).toBe(410);
  });
});
