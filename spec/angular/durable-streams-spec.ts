import { inject, InjectionToken, provideZonelessChangeDetection } from '@angular/core';
import { TestBed } from '@angular/core/testing';
import { distinctUntilChanged, firstValueFrom, lastValueFrom, map, take, timer, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import {
  durableResource,
  DurableStreams,
  type DurableStreamsOptions,
  injectDurableStreams,
  provideDurableStreams,
} from 'rxjs-durable-streams/angular';
import { TestStreamManager } from 'rxjs-durable-streams/testing';
import { describe, expect, it, vi } from 'vitest';

import { BASE_URL, served } from '../support/angular.js';
import { angularWorld, application, made } from '../support/angular-testbed.js';
import { codeOf } from '../support/views.js';

describe('injectDurableStreams', () => {
  it('gives the streams of a server to read, write and stop', async () => {
    const { streams } = angularWorld();
    const durable = made(() => injectDurableStreams());
    const input = durable.open<string, number>('answers/1');
    input.next('a');
    input.complete(1);
    await input.flush();
    const events = await lastValueFrom(
      durable.subscribe<string, number>('answers/1').events().pipe(toArray()),
    );
    expect(events).toMatchObject([{ chunk: 'a' }, { type: 'done', output: 1 }]);
    streams.open('answers/2');
    await durable.stop('answers/2', { reason: 'enough' });
    await expect(firstValueFrom(streams.subscribe('answers/2'))).rejects.toMatchObject({ message: 'enough' });
  });

  it.each(['a', 'a/b//c', 'ä ö/?#%&=+;@', '%2e%2e', '..a', '😀', "it's (1)*!~"])(
    'reads the stream %s by its id',
    async (id) => {
      const { streams } = angularWorld({ baseUrl: `${BASE_URL}/` });
      streams.open<string>(id).next('found');
      expect(await firstValueFrom(made(injectDurableStreams).subscribe<string>(id))).toBe('found');
    },
  );

  it('refuses an id that leads elsewhere: where it reads as an error, where it opens at once', async () => {
    const { asked } = angularWorld();
    const durable = made(injectDurableStreams);
    for (const id of ['..', 'a/../../b', './a', '']) {
      const stream = durable.subscribe(id);
      expect(await codeOf(() => lastValueFrom(stream))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(() => durable.open(id))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(() => durable.stop(id))).toBe('INVALID_ARGUMENT');
    }
    expect(asked).toEqual([]);
  });

  it('is Angular’s own error where nothing is provided, or where it can not inject', () => {
    expect(() => injectDurableStreams()).toThrow(/NG0203/);
    application(provideZonelessChangeDetection());
    expect(() => made(injectDurableStreams)).toThrow(/NG0201.*DurableStreams/s);
  });
});

describe('provideDurableStreams', () => {
  /** What a request says, by an option of all streams and one of a single one. */
  async function headersOf(
    options: Partial<DurableStreamsOptions>,
    own: Partial<DurableStreamsOptions> = {},
  ): Promise<string[]> {
    const server = served();
    const seen: string[] = [];
    const ask = ((url: string, init: RequestInit) => {
      seen.push(
        `${init.method} ${new Headers(init.headers).get('x-who') ?? 'nobody'} ${init.credentials ?? ''}`,
      );
      return server.fetch(url, init);
    }) as typeof fetch;
    angularWorld({ fetch: ask, ...options });
    const durable = made(injectDurableStreams);
    const input = durable.open<string>('a', own);
    input.next('x');
    await input.flush();
    await firstValueFrom(durable.subscribe('a', own));
    await durable.stop('a', own);
    TestBed.resetTestingModule();
    return [...new Set(seen)];
  }

  it('gives the options of all streams, which those of one replace', async () => {
    const headers = { 'x-who': 'all' };
    const requests = (rest: string): string[] => ['PUT', 'POST', 'GET'].map((method) => `${method} ${rest}`);
    expect(await headersOf({ headers, credentials: 'include' })).toEqual(requests('all include'));
    const one = { 'x-who': 'one' };
    expect(await headersOf({ headers, credentials: 'include' }, { headers: one })).toEqual(
      requests('one include'),
    );
    // What is undefined says nothing.
    expect(await headersOf({ headers }, { headers: undefined })).toEqual(requests('all '));
  });

  it('takes a function, which may inject and is called once', async () => {
    const token = new InjectionToken<string>('token');
    const server = served();
    const options = vi.fn(() => {
      const who = inject(token);
      return { baseUrl: BASE_URL, fetch: server.fetch, headers: () => ({ 'x-who': who }) };
    });
    application(
      provideZonelessChangeDetection(),
      { provide: token, useValue: 'Ada' },
      provideDurableStreams(options),
    );
    server.streams.open<string>('a').next('x');
    expect(await firstValueFrom(made(injectDurableStreams).subscribe<string>('a'))).toBe('x');
    made(() => durableResource({ id: () => 'a' }));
    expect(options).toHaveBeenCalledTimes(1);
  });

  it.each([
    [{ baseUrl: 'http://host/?a=1' }, /baseUrl must be a URL without a query or a fragment/],
    [{ baseUrl: 'http://host/#a' }, /baseUrl/],
    [{ snapshotTimeout: -1 }, /snapshotTimeout must be a non-negative integer/],
    [{ transferKey: 1 as never }, /transferKey must be a string/],
  ])('refuses %j', (options, message) => {
    angularWorld(options);
    expect(() => made(injectDurableStreams)).toThrow(message);
  });

  it('says of a relative base URL that there is no page it could be relative to', () => {
    angularWorld({ baseUrl: '/v1/stream' });
    const resource = made(() => durableResource({ id: () => 'a' }));
    expect(resource.error()).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(resource.error()?.message).toMatch(/url must be a URL of http: or https:.*\/v1\/stream\/a/);
  });
});

describe('DurableStreams', () => {
  it('may be a manager in a test, for marbles frame by frame', () => {
    const scheduler = new TestScheduler((actual, expected) => {
      expect(actual).toEqual(expected);
    });
    scheduler.run(({ expectObservable }) => {
      const streams = new TestStreamManager(scheduler);
      application(provideZonelessChangeDetection(), { provide: DurableStreams, useValue: streams });
      streams.write('a', '-a-b--c|', undefined, { output: 3 });
      streams.write('b', '--x-#', undefined, { error: { code: 'ABORTED', message: '' } });
      /** What a resource has in each frame. */
      const framesOf = (id: string) => {
        const { status, chunks, output, error } = made(() =>
          durableResource<string, number>({ id: () => id }),
        );
        const look = (): string => [status(), ...chunks(), output(), error()?.code].join(' ').trimEnd();
        return timer(0, 1).pipe(take(10), map(look), distinctUntilChanged());
      };
      expectObservable(framesOf('a')).toBe('oa-b--cd-|', {
        o: 'open',
        a: 'open a',
        b: 'open a b',
        c: 'open a b c',
        d: 'done a b c 3',
      });
      expectObservable(framesOf('b')).toBe('o-x-e----|', { o: 'open', x: 'open x', e: 'error x  ABORTED' });
    });
  });

  it('may be a manager in a test, which stops too', async () => {
    const streams = new TestStreamManager(new TestScheduler(() => true));
    application(provideZonelessChangeDetection(), { provide: DurableStreams, useValue: streams });
    const input = streams.open('a');
    const resource = made(() => durableResource({ id: () => 'a' }));
    await resource.stop();
    expect([resource.error()?.code, input.closed]).toEqual(['CANCELLED', true]);
  });
});
