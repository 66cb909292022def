import { describe, expect, it, vi } from 'vitest';

import { eventsOf, inMemoryWorld, JSON_TYPE } from '../../support/http-in-memory.js';
import { noted } from '../../support/views.js';

function cyclic(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

describe('a chunk that has no JSON', () => {
  it('is 500 for who would read it over HTTP, and told to whom failures are told', async () => {
    const onError = vi.fn();
    const { streams, ask } = inMemoryWorld({}, { onError });
    const input = streams.open('s');
    input.next(1);
    input.next(cyclic());
    input.next(3);
    const before = await ask('GET', '/s');
    expect(await before.text()).toBe('[1]');
    expect(before.headers.get('stream-up-to-date')).toBeNull();
    const offset = before.headers.get('stream-next-offset');
    for (const query of ['', '&live=long-poll', '&live=sse']) {
      const response = await ask('GET', `/s?offset=${offset}${query}`);
      expect(response.status).toBe(500);
      expect(await response.json()).toMatchObject({ error: { code: 'INTERNAL' } });
    }
    expect(onError).toHaveBeenCalledTimes(3);
    expect(onError).toHaveBeenCalledWith(
      expect.objectContaining({
        code: 'INTERNAL',
        message: expect.stringMatching(/^Chunk 1 of the stream "s" can't be given over HTTP: /) as string,
      }),
    );
  });

  it('ends who reads live, and harms nobody else', async () => {
    const { streams, ask } = inMemoryWorld({}, { onError: () => undefined });
    const input = streams.open('s');
    const inside = noted(streams.subscribe('s'));
    streams.open('other').next(1);
    const events = eventsOf(await ask('GET', '/s?offset=-1&live=sse'));
    const others = eventsOf(await ask('GET', '/other?offset=-1&live=sse'));
    await events.next();
    await others.next();
    const poll = ask('GET', '/s?offset=now&live=long-poll');
    await new Promise((resolve) => setImmediate(resolve));
    const value = cyclic();
    input.next(value);
    expect(await events.next()).toBe('');
    expect((await poll).status).toBe(500);

    // The stream goes on, for subscribers, and for who begins behind it.
    const later = eventsOf(await ask('GET', '/s?offset=now&live=sse'));
    await later.next();
    expect((await ask('POST', '/s', JSON_TYPE, '2')).status).toBe(204);
    expect(inside).toEqual([value, 2]);
    expect(await later.next()).toContain('data:[2]');
    expect((await ask('HEAD', '/s')).status).toBe(200);
    streams.open('other', { resume: true }).next(4);
    expect(await others.next()).toContain('data:[4]');
    await later.cancel();
    await others.cancel();
  });
});
