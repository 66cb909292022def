import { type HeadersContext, type HeadersOption } from 'rxjs-durable-streams/client';
import { describe, expect, it } from 'vitest';

import { clientWorld as world, page, recorded, refusing, silent } from '../support/client.js';

const closed = page(['a'], '1', { closed: true });

describe('headers', () => {
  it('are values, functions, or given by one function; what is undefined is left out', async () => {
    const both: HeadersOption[] = [
      {
        'x-a': '1',
        'x-b': () => '2',
        'x-c': () => Promise.resolve('3'),
        'x-d': undefined,
        'x-e': () => undefined,
      },
      () => Promise.resolve({ 'x-a': '1', 'x-b': () => '2', 'x-c': '3', 'x-d': undefined }),
    ];
    for (const headers of both) {
      const { clock, script, stream } = world({ headers }, closed);
      await recorded(clock, stream).toBe('(a|)');
      expect([...script.asked[0]!.headers]).toEqual([
        ['x-a', '1'],
        ['x-b', '2'],
        ['x-c', '3'],
      ]);
    }
  });

  it('are asked for anew for every request', async () => {
    let count = 0;
    const headers = { 'x-count': () => String(++count) };
    const { clock, script, stream } = world(
      { headers },
      page(['a'], '1'),
      page(['b'], '2', { closed: true }),
    );
    await recorded(clock, stream).toBe('(ab|)');
    expect(script.asked.map((asked) => asked.headers.get('x-count'))).toEqual(['1', '2']);
  });

  it('are asked for once more after a 401, which is told, and the request is repeated at once', async () => {
    const contexts: HeadersContext[] = [];
    const headers = (context: HeadersContext) => {
      contexts.push(context);
      return { authorization: context.refresh ? 'new' : 'old' };
    };
    const { clock, script, stream } = world({ headers }, refusing(401), closed);
    await recorded(clock, stream).toBe('(a|)');
    expect(contexts).toEqual([{ refresh: false }, { refresh: true }]);
    expect(script.asked.map((asked) => asked.headers.get('authorization'))).toEqual(['old', 'new']);
  });

  it('that are refused again are an error', async () => {
    const { clock, script, stream } = world({}, refusing(401));
    await recorded(clock, stream).toBe('#', undefined, 'UNAUTHENTICATED');
    expect(script.asked.length).toBe(2);
  });

  it('that can not be had are tried again, unless their error says that this is of no use', async () => {
    let calls = 0;
    const headers = () => (++calls === 1 ? Promise.reject(new Error('no network')) : { 'x-a': '1' });
    const { clock, stream } = world({ headers }, closed);
    await recorded(clock, stream).toBe('250ms (a|)');

    const refused = world({ headers: () => Promise.reject({ code: 'PERMISSION_DENIED' }) }, closed);
    await recorded(refused.clock, refused.stream).toBe('#', undefined, 'PERMISSION_DENIED');
    expect(refused.script.asked).toEqual([]);
  });

  it.each([{ 'x a': '1' }, { 'x-a': () => 'secret\nx' }])(
    'that HTTP does not take are an error, which does not tell a value: %j',
    async (headers) => {
      const { script, stream } = world({ headers }, closed);
      const failure: unknown = await new Promise((_, reject) => stream.subscribe({ error: reject })).catch(
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: `headers can't have what there is for ${JSON.stringify(Object.keys(headers)[0])}.`,
      });
      expect(script.asked).toEqual([]);
    },
  );

  it('that never come are a silence', async () => {
    let calls = 0;
    const headers = () => (++calls === 1 ? new Promise<never>(() => {}) : {});
    const { clock, stream } = world({ headers, silence: 500 }, closed);
    await recorded(clock, stream).toBe('750ms (a|)');
  });

  it('do not outlive their subscription', async () => {
    const { clock, script, stream } = world({ headers: () => new Promise<never>(() => {}) }, silent);
    const { subscription } = recorded(clock, stream);
    await clock.until(10);
    subscription.unsubscribe();
    await clock.until(100_000);
    expect([script.asked.length, clock.actions.length]).toEqual([0, 0]);
  });
});
