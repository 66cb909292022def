import { describe, expect, it } from 'vitest';

import { eventsOf, inMemoryWorld, JSON_TYPE, TEXT } from '../../support/http-in-memory.js';
import { RecordingScheduler, runUntil } from '../../support/schedulers.js';
import { noted } from '../../support/views.js';

describe('times of streams in memory, over HTTP', () => {
  it('end a stream that is idle for its Stream-TTL, to the frame, for both ways', async () => {
    const { clock, streams, ask } = inMemoryWorld();
    await ask('PUT', '/s', { ...TEXT, 'stream-ttl': '10' });
    runUntil(clock, 9_999);
    expect((await ask('HEAD', '/s')).status).toBe(200);
    expect(streams.head('s').expiresAt).toBe(10_000);
    runUntil(clock, 10_000);
    expect(streams.list()).toEqual([]);
    expect((await ask('HEAD', '/s')).status).toBe(404);
  });

  it('are renewed by a read, an append or a close over HTTP, and by a write in the process', async () => {
    const { clock, streams, ask } = inMemoryWorld();
    await ask('PUT', '/s', { ...TEXT, 'stream-ttl': '10' });
    const input = streams.open('s', { resume: true });
    const renewals = [
      () => ask('GET', '/s'),
      () => ask('GET', '/s?offset=now'),
      () => ask('POST', '/s', TEXT, 'x'),
      () => input.write('y'),
      () => ask('POST', '/s', { 'stream-closed': 'true' }),
    ];
    for (const renew of renewals) {
      runUntil(clock, clock.now() + 9_000);
      await renew();
      expect(streams.head('s').expiresAt).toBe(clock.now() + 10_000);
    }
    runUntil(clock, clock.now() + 10_000);
    expect((await ask('GET', '/s')).status).toBe(404);
  });

  it('do not run for idleness while somebody reads live over HTTP', async () => {
    const { clock, streams, ask } = inMemoryWorld({}, { sseMs: 30_000, longPollMs: 30_000 });
    await ask('PUT', '/s', { ...TEXT, 'stream-ttl': '10' }, 'x');
    const events = eventsOf(await ask('GET', '/s?offset=-1&live=sse'));
    await events.next();
    runUntil(clock, 29_000);
    expect(streams.head('s').expiresAt).toBeUndefined();
    await events.cancel();
    expect(streams.head('s').expiresAt).toBe(39_000);
    const poll = ask('GET', '/s?offset=now&live=long-poll');
    await new Promise((resolve) => setImmediate(resolve));
    runUntil(clock, 58_999);
    expect(streams.head('s').status).toBe('open');
    runUntil(clock, 59_000);
    expect((await poll).status).toBe(204);
  });

  it('end events after 60 s and a long-poll after 25 s, unless told otherwise', async () => {
    const { clock, ask } = inMemoryWorld();
    await ask('PUT', '/s', TEXT, 'x');
    const ended: string[] = [];
    const note = (what: string) => (): void => void ended.push(`${what} ${clock.now()}`);
    const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    void ask('GET', '/s?offset=now&live=sse').then(async (response) => response.text().then(note('events')));
    void ask('GET', '/s?offset=now&live=long-poll').then(note('poll'));
    await settle();
    for (const frame of [24_999, 25_000, 59_999, 60_000]) {
      runUntil(clock, frame);
      await settle();
    }
    expect(ended).toEqual(['poll 25000', 'events 60000']);
  });

  it('end a stream at its Stream-Expires-At, and let the id be taken again', async () => {
    const { clock, streams, ask } = inMemoryWorld();
    await ask('PUT', '/s', { ...TEXT, 'stream-expires-at': new Date(5_000).toISOString() }, 'x');
    const chunks = noted(streams.subscribe('s'));
    runUntil(clock, 5_000);
    expect(chunks).toEqual(['x', 'NOT_FOUND']);
    expect((await ask('PUT', '/s', TEXT)).status).toBe(201);
    // What has expired when it is made is never there.
    expect(
      (await ask('PUT', '/past', { ...TEXT, 'stream-expires-at': new Date(1).toISOString() })).status,
    ).toBe(201);
    expect((await ask('HEAD', '/past')).status).toBe(404);
  });

  it('keep what was closed over HTTP as the handler says, and what an input ended as the manager does', async () => {
    const { clock, streams, ask } = inMemoryWorld({ ttl: 1_000 }, { ttl: 3_000 });
    await ask('PUT', '/http', { ...TEXT, 'stream-closed': 'true' });
    streams.open('input').complete();
    runUntil(clock, 1_000);
    expect((await ask('GET', '/input')).status).toBe(404);
    runUntil(clock, 2_999);
    expect((await ask('GET', '/http')).status).toBe(200);
    runUntil(clock, 3_000);
    expect((await ask('GET', '/http')).status).toBe(404);
  });

  it('are the idleTtl of an input as Stream-TTL, and change with a takeover', async () => {
    const { clock, streams, ask } = inMemoryWorld();
    streams.open('s', { idleTtl: 5_000 }).next(1);
    expect((await ask('HEAD', '/s')).headers.get('stream-ttl')).toBe('5');
    streams.open('s', { resume: true, idleTtl: 20_000 });
    expect((await ask('HEAD', '/s')).headers.get('stream-ttl')).toBe('20');
    expect((await ask('PUT', '/s', { ...JSON_TYPE, 'stream-ttl': '20' })).status).toBe(200);
    runUntil(clock, 19_999);
    expect((await ask('POST', '/s', JSON_TYPE, '2')).status).toBe(204);
    runUntil(clock, 39_999);
    expect((await ask('POST', '/s', JSON_TYPE, '3')).status).toBe(404);
  });

  it('need no timer but the one of the manager', async () => {
    const { clock } = inMemoryWorld();
    const scheduler = new RecordingScheduler(clock);
    const { streams, ask } = inMemoryWorld({ scheduler });
    for (let i = 0; i < 20; i++) await ask('PUT', `/${i}`, { ...TEXT, 'stream-ttl': String(i + 1) }, 'x');
    for (let i = 0; i < 20; i++) await ask('GET', `/${i}`);
    expect(scheduler.mostPending).toBe(1);
    runUntil(clock, 21_000);
    expect(streams.list()).toEqual([]);
    expect(scheduler.pending).toBe(0);
  });
});
