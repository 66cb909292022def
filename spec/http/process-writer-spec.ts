import { DurableStreamManager, memoryEngine, type StreamEngine } from 'rxjs-durable-streams';
import { createHandler } from 'rxjs-durable-streams/http';
import { describe, expect, it } from 'vitest';

const ROOT = 'http://host/v1/stream';
const TEXT = { 'content-type': 'text/plain' };

/** An engine that loses the answer to some commits, which it has stored. */
function forgetful(): { engine: StreamEngine; lose: (how: (commit: number) => boolean) => void } {
  const engine = memoryEngine();
  const commit = engine.commit.bind(engine);
  let losing: (commit: number) => boolean = () => false;
  let commits = 0;
  engine.commit = (commits_) => {
    const results = commit(commits_);
    if (losing(++commits)) throw new Error('The answer is lost.');
    return results;
  };
  return { engine, lose: (how) => (losing = how) };
}

function asking(engine: StreamEngine): (method: string, body?: string, path?: string) => Promise<Response> {
  const handler = createHandler({ streams: new DurableStreamManager(engine) });
  return (method, body, path = '/s') =>
    handler(new Request(ROOT + path, { method, headers: TEXT, ...(body !== undefined && { body }) }));
}

describe('appends of whoever gives no name', () => {
  it('are stored once where the store loses the answer', async () => {
    const { engine, lose } = forgetful();
    const ask = asking(engine);
    await ask('PUT');
    lose((commit) => commit % 3 !== 0);
    for (let i = 0; i < 20; i++) expect((await ask('POST', `${i};`)).status).toBe(204);
    lose(() => false);
    expect(await (await ask('GET')).text()).toBe(Array.from({ length: 20 }, (_, i) => `${i};`).join(''));
  });

  it('are stored once and in the order of each where many come at once', async () => {
    const { engine, lose } = forgetful();
    const ask = asking(engine);
    await ask('PUT');
    lose((commit) => commit % 2 === 0);
    const all = await Promise.all(Array.from({ length: 200 }, (_, i) => ask('POST', `${i};`)));
    expect(all.every(({ status }) => status === 204)).toBe(true);
    lose(() => false);
    const found = (await (await ask('GET')).text()).split(';').slice(0, -1).map(Number);
    expect(found.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('go on in another life of the path', async () => {
    const ask = asking(memoryEngine());
    for (let life = 0; life < 3; life++) {
      await ask('PUT', '');
      for (const part of ['a', 'b']) expect((await ask('POST', part)).status).toBe(204);
      expect(await (await ask('GET')).text()).toBe('ab');
      await ask('DELETE');
      expect((await ask('POST', 'x')).status).toBe(404);
    }
  });

  it('go on though more handlers write a stream than are remembered', async () => {
    const streams = new DurableStreamManager(memoryEngine());
    const asks = Array.from({ length: 70 }, () => {
      const handler = createHandler({ streams, onError: () => undefined });
      return (method: string, body?: string): Promise<Response> =>
        handler(new Request(`${ROOT}/s`, { method, headers: TEXT, ...(body !== undefined && { body }) }));
    });
    await asks[0]?.('PUT');
    for (const ask of asks) expect((await ask('POST', 'x')).status).toBe(204);
    // It is not known any more whether the first has written, so it can not be sure once.
    expect((await asks[0]?.('POST', 'y'))?.status).toBe(503);
    expect((await asks[0]?.('POST', 'y'))?.status).toBe(204);
    expect(await (await asks[0]?.('GET'))?.text()).toBe(`${'x'.repeat(70)}y`);
  });
});
