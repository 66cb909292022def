import { describe, expect, it } from 'vitest';

import { InMemoryStreamManager } from '../lib/index.js';
import { managers } from './managers/manager.js';
import { inMemory } from './support/manager-factory.js';
import { pulled } from './support/views.js';

managers(inMemory);

describe('InMemoryStreamManager', () => {
  it('serves without any option', async () => {
    const streams = new InMemoryStreamManager();
    const input = streams.open<string>('s');
    input.next('a');
    input.complete();
    expect(await pulled(streams.subscribe<string>('s'))).toEqual(['a']);
    streams.close();
  });

  it('gives plain values, and throws what it refuses', () => {
    const streams = new InMemoryStreamManager();
    streams.open('s');
    expect(streams.head('s')).toMatchObject({ id: 's', status: 'open' });
    expect(streams.list()).toHaveLength(1);
    expect(() => streams.open('s')).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
    expect(() => streams.head('other')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(() => streams.list({ limit: -1 })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    streams.close();
    expect(() => streams.head('s')).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
  });
});
