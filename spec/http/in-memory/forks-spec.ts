import { describe, expect, it } from 'vitest';

import { inMemoryWorld, JSON_TYPE, TEXT } from '../../support/http-in-memory.js';
import { runUntil } from '../../support/schedulers.js';
import { noted } from '../../support/views.js';

const from = (path: string): Record<string, string> => ({ 'stream-forked-from': `/v1/stream${path}` });
const offsetOf = (response: Response): string => response.headers.get('stream-next-offset') ?? '';

describe('forks of streams in memory', () => {
  it('begin with what an input wrote, and go on apart, for both ways', async () => {
    const { streams, ask } = inMemoryWorld();
    const input = streams.open<number>('source');
    input.next(1);
    input.next(2);
    expect((await ask('PUT', '/fork', from('/source'))).status).toBe(201);
    input.next(3);
    await ask('POST', '/fork', JSON_TYPE, '[4]');
    streams.open('fork', { resume: true }).next(5);
    expect(await (await ask('GET', '/fork')).text()).toBe('[1,2,4,5]');
    expect(noted(streams.subscribe('fork'))).toEqual([1, 2, 4, 5]);
    expect(noted(streams.subscribe('source'))).toEqual([1, 2, 3]);
  });

  it('are told whole to who has waited for them in the process', async () => {
    const { streams, ask } = inMemoryWorld();
    await ask('PUT', '/source', TEXT, 'ab');
    const chunks = noted(streams.subscribe('fork', { wait: Infinity }));
    await ask('PUT', '/fork', { ...from('/source'), 'stream-closed': 'true' }, 'c');
    expect(chunks).toEqual(['ab', 'c', '|']);
  });

  it('take and give the offsets of their source, in the process too', async () => {
    const { streams, ask } = inMemoryWorld();
    const first = offsetOf(await ask('PUT', '/source', JSON_TYPE, '[1]'));
    await ask('POST', '/source', JSON_TYPE, '[2]');
    await ask('PUT', '/fork', from('/source'));
    const input = streams.open('fork', { resume: true });
    expect(input.tail).toBe(streams.head('source').tail);
    const own = await input.write(3);
    expect(noted(streams.subscribe('fork', { after: first }))).toEqual([2, 3]);
    expect(noted(streams.subscribe('fork', { after: own }))).toEqual([]);
    expect(await (await ask('GET', `/fork?offset=${first}`)).text()).toBe('[2,3]');
    // The source has none of its forks' offsets.
    expect(noted(streams.subscribe('source', { after: own }))).toEqual(['OUT_OF_RANGE']);
    expect(noted(streams.subscribe('fork', { after: 'odd' }))).toEqual(['INVALID_ARGUMENT']);
  });

  it.each(['over HTTP', 'in the process'] as const)(
    'keep a source that is deleted %s, for them alone and as long as they are there',
    async (where) => {
      const { streams, ask } = inMemoryWorld();
      await ask('PUT', '/source', TEXT, 'abc');
      await ask('PUT', '/fork', from('/source'));
      const remove = async (id: string): Promise<void> => {
        if (where === 'in the process') streams.delete(id);
        else expect((await ask('DELETE', `/${id}`)).status).toBe(204);
      };
      await remove('source');
      expect((await ask('GET', '/source')).status).toBe(410);
      expect((await ask('PUT', '/source', TEXT)).status).toBe(409);
      expect((await ask('PUT', '/late', from('/source'))).status).toBe(409);
      expect(() => streams.head('source')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
      expect(() => streams.open('source')).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
      expect(streams.list().map(({ id }) => id)).toEqual(['fork']);
      expect(await (await ask('GET', '/fork')).text()).toBe('abc');

      await remove('fork');
      expect((await ask('GET', '/source')).status).toBe(404);
      expect((await ask('PUT', '/source', TEXT)).status).toBe(201);
      streams.delete('source');
      expect(streams.open('source').status).toBe('open');
    },
  );

  it('keep a chain of sources that have expired, and let all go with the last', async () => {
    const { clock, streams, ask } = inMemoryWorld();
    await ask('PUT', '/a', { ...TEXT, 'stream-ttl': '1' }, 'a');
    await ask('PUT', '/b', { ...from('/a'), 'stream-ttl': '2' }, 'b');
    await ask('PUT', '/c', { ...from('/b'), 'stream-ttl': '3' }, 'c');
    runUntil(clock, 1_000);
    expect((await ask('HEAD', '/a')).status).toBe(410);
    runUntil(clock, 2_000);
    expect((await ask('HEAD', '/b')).status).toBe(410);
    expect(await (await ask('GET', '/c')).text()).toBe('abc');
    runUntil(clock, 5_000);
    for (const path of ['/a', '/b', '/c']) expect((await ask('HEAD', path)).status).toBe(404);
    expect(streams.list()).toEqual([]);
  });
});
