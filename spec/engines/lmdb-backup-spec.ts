import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom, toArray } from 'rxjs';
import { DurableStreamManager, type StreamEvent, type StreamInput } from 'rxjs-durable-streams';
import { lmdbEngine } from 'rxjs-durable-streams/lmdb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataIn, storeIn, storePath } from '../support/lmdb.js';

/** A manager on a directory, closed when the test is over. */
function managerOn(path: string): DurableStreamManager {
  const streams = new DurableStreamManager(lmdbEngine({ path }), { lease: 60_000 });
  onTestFinished(() => streams.close());
  return streams;
}

/** Writes chunks to a stream and leaves it open; gives the offset of each. */
async function write(input: StreamInput<string>, ...chunks: string[]): Promise<string[]> {
  const offsets = await Promise.all(chunks.map((chunk) => input.write(chunk)));
  input.close();
  return offsets;
}

/** A copy of a store that is in use, made as the manual says. */
async function backUp(path: string): Promise<string> {
  const copy = join(storePath(), 'copy');
  mkdirSync(copy);
  await dataIn(path).backup(copy, true);
  return copy;
}

describe('A backup of an LMDB store', () => {
  it('is made while the store is used, and is a store itself', async () => {
    const path = storePath();
    const store = storeIn(path);
    let head = await store.create('a', ['1']);
    const writing = (async () => {
      for (let i = 0; i < 50; i++) head = await store.append('a', head, [`${i}`]);
    })();
    const copy = storeIn(await backUp(path));
    await writing;
    const copied = await copy.head('a');
    expect(await copy.chunks('a', copied ?? head)).toHaveLength(copied?.tail ?? -1);
    await copy.append('a', copied ?? head, ['its own']);
    expect((await copy.create('b')).generation).toBeGreaterThan(head.generation);
  });

  it('that is older than what a reader has read is DATA_LOSS for that reader, and whole for others', async () => {
    const path = storePath();
    const streams = managerOn(path);
    await write(streams.open('a'), '1', '2');
    const copy = await backUp(path);
    const [, offset = ''] = await write(streams.open('a', { resume: true }), '3', '4');
    await streams.close();
    rmSync(path, { recursive: true });
    cpSync(copy, path, { recursive: true });

    const restored = managerOn(path);
    const resumed = firstValueFrom(restored.subscribe('a', { after: offset }));
    await expect(resumed).rejects.toMatchObject({ code: 'DATA_LOSS' });
    // Also once others have been written in the places of those that were lost.
    await write(restored.open('a', { resume: true }), 'another 3', 'another 4', '5');
    const again = firstValueFrom(restored.subscribe('a', { after: offset }));
    await expect(again).rejects.toMatchObject({ code: 'DATA_LOSS' });

    await restored.stop('a');
    const events = await firstValueFrom(restored.subscribe<string>('a').events().pipe(toArray()));
    const chunks = events.flatMap((event: StreamEvent<string>) =>
      event.type === 'chunk' ? [event.chunk] : [],
    );
    expect(chunks).toEqual(['1', '2', 'another 3', 'another 4', '5']);
  });
});
