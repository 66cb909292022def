import type { UIMessageChunk } from 'ai';
import { beforeAll, describe, expect, it } from 'vitest';

import { chatApp, modelSaying } from './support/ai-app.js';
import { gate } from './support/gate.js';
import { needServers, type Place, PLACES } from './support/places.js';

beforeAll(needServers);

/** What an answer says, and what it says of itself: all of it, or as much as is asked for. */
async function said(answer: ReadableStream<UIMessageChunk> | null, until?: string): Promise<string> {
  let text = '';
  for await (const chunk of (answer ?? []) as AsyncIterable<UIMessageChunk>) {
    if (chunk.type === 'text-delta') text += chunk.delta;
    if (chunk.type === 'finish') text += '|';
    if (chunk.type === 'abort') text += '#stopped';
    // Leaving the loop cancels what is read.
    if (text === until) break;
  }
  return text;
}

describe.each(Object.keys(PLACES))('A chat of the AI SDK, streams on %s', (place) => {
  const newPlace = PLACES[place] as Place;

  it('gives a client that has lost its connection the whole answer, and goes on', async () => {
    const { opened, open } = gate();
    const model = modelSaying('one ', 'two ', opened, 'three');
    const chat = chatApp(newPlace(), model);
    expect(await said(await chat.send(), 'one two ')).toBe('one two ');
    const again = await chat.reconnect();
    open();

    expect(await said(again)).toBe('one two three|');
    expect(model.doStreamCalls).toHaveLength(1);
  });

  it('gives two clients the same, while and after the model speaks', async () => {
    const { opened, open } = gate();
    const chat = chatApp(newPlace(), modelSaying('one ', opened, 'two'));
    const first = said(await chat.send());
    const second = said(await chat.reconnect());
    open();

    expect(await Promise.all([first, second])).toEqual(['one two|', 'one two|']);
    expect(await said(await chat.reconnect())).toBe('one two|');
  });

  it('has nothing to reconnect to before anything was asked', async () => {
    expect(await chatApp(newPlace(), modelSaying()).reconnect()).toBeNull();
  });

  it('tells whoever has reconnected that the model has failed', async () => {
    const { opened, open } = gate();
    const failure = opened.then(() => {
      throw new Error('the model is away');
    });
    const chat = chatApp(newPlace(), modelSaying('half', failure));
    const first = said(await chat.send());
    const second = said(await chat.reconnect());
    open();

    await expect(first).rejects.toThrow('the model is away');
    await expect(second).rejects.toThrow('the model is away');
    await expect(said(await chat.reconnect())).rejects.toThrow('the model is away');
  });

  it('is stopped from anywhere, and keeps what was said until then', async () => {
    const { opened, open } = gate();
    const model = modelSaying('half', opened, ' more');
    const chat = chatApp(newPlace(), model);
    const first = said(await chat.send());
    expect(await said(await chat.reconnect(), 'half')).toBe('half');
    await chat.stop();
    await expect.poll(() => model.doStreamCalls[0]?.abortSignal?.aborted).toBe(true);
    open();

    expect(await first).toBe('half#stopped');
    expect(await said(await chat.reconnect())).toBe('half#stopped');
  });
});
