import { describe, expect, it } from 'vitest';

import { DurableStreamManager, memoryEngine } from '../lib/index.js';
import { managerArguments } from './managers/arguments.js';
import { onMemoryEngine } from './support/manager-factory.js';

managerArguments(onMemoryEngine);

describe('What a durable manager is made of', () => {
  it.each<[name: string, argument: string, engine: unknown, options?: object]>([
    ['no engine', 'engine', undefined],
    ['null', 'engine', null],
    ['what makes one', 'engine', memoryEngine],
    ['an object that has one', 'engine', { engine: memoryEngine() }],
    ['the name of a codec', 'codec', memoryEngine(), { codec: 'json' }],
    ['no codec', 'codec', memoryEngine(), { codec: null }],
    ['half a codec', 'codec', memoryEngine(), { codec: { encode: JSON.stringify } }],
  ])('may not be %s', (_, argument, engine, options) => {
    const made = (): unknown => new DurableStreamManager(engine as never, options);
    expect(made).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(made).toThrow(`${argument} must be `);
  });
});
