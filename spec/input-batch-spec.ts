import { describe, expect, it } from 'vitest';

import type { Payload } from '../lib/engines/engine.js';
import { StreamError } from '../lib/errors.js';
import { Batch, InputWriter, type Waiting } from '../lib/input-batch.js';
import type { Answer } from '../lib/log/group.js';

/** A batch with one chunk, and what it tells. */
function createBatch(waiting?: Waiting) {
  const told: [string, unknown][] = [];
  const writer = new InputWriter('nonce');
  const command = {
    type: 'append' as const,
    writer: writer.next(),
    chunks: ['a'] as Payload[],
    bytes: 1,
  };
  const owner = {
    id: 's',
    stored: (_: Batch, answer: Answer) => told.push(['stored', answer]),
    notStored: (_: Batch, error: StreamError) => told.push(['not stored', error]),
  };
  return { batch: new Batch(owner, command, waiting), told };
}

const noting = (notes: unknown[]): Waiting => ({
  resolve: (offset) => notes.push(offset),
  reject: ({ code }) => notes.push(code),
});

describe('A batch', () => {
  it('grows until it is taken', () => {
    const { batch } = createBatch();
    expect([batch.id, batch.grows, batch.awaited]).toEqual(['s', true, 0]);
    batch.add('bc', 2, undefined);
    expect(batch.command).toMatchObject({ chunks: ['a', 'bc'], bytes: 3 });
    batch.taken();
    expect(batch.grows).toBe(false);
  });

  it('does not grow once it was answered, also where it never was taken', () => {
    const answer: Answer = { head: undefined, position: 0, tag: 0, duplicate: false };
    const stored = createBatch();
    stored.batch.done(answer);
    expect([stored.batch.grows, stored.told]).toEqual([false, [['stored', answer]]]);
    const error = new StreamError('UNAVAILABLE', 'gone');
    const failed = createBatch();
    failed.batch.failed(error);
    expect([failed.batch.grows, failed.told]).toEqual([false, [['not stored', error]]]);
  });

  it('tells each who waits the offset of its own chunk', () => {
    const notes: unknown[] = [];
    const { batch } = createBatch(noting(notes));
    batch.add('b', 1, undefined);
    batch.add('c', 1, noting(notes));
    expect(batch.awaited).toBe(2);
    batch.resolve((index) => `offset ${index}`);
    expect(notes).toEqual(['offset 0', 'offset 2']);
  });

  it('tells all who wait of a failure', () => {
    const notes: unknown[] = [];
    const { batch } = createBatch();
    for (const chunk of ['b', 'c']) batch.add(chunk, 1, noting(notes));
    batch.reject(new StreamError('ABORTED', 'other'));
    expect(notes).toEqual(['ABORTED', 'ABORTED']);
  });
});

describe('The writer of an append', () => {
  it('has its own number, and what is acknowledged when it is asked', () => {
    const input = new InputWriter('nonce');
    const [first, second] = [input.next(), input.next()];
    expect(first).toMatchObject({ type: 'owner', nonce: 'nonce', seq: 1, acknowledged: 0 });
    input.acknowledged = 1;
    expect([first.seq, second.seq, second.acknowledged]).toEqual([1, 2, 1]);
  });

  it('has the number of one that was given back', () => {
    const input = new InputWriter('nonce');
    input.next();
    input.seq = 0;
    expect(input.next().seq).toBe(1);
  });
});
