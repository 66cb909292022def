import { firstValueFrom } from 'rxjs';
import type { Attempt } from 'rxjs-durable-streams/http';
import { createHandler, type HandlerOptions } from 'rxjs-durable-streams/http';
import { durableStream, openStream, stopStream, type StopStreamOptions } from 'rxjs-durable-streams/client';
import { describe, expect, it } from 'vitest';

import { type Answering, PatientClock, refusing, scripted, unreachable } from '../support/client.js';
import { MANAGERS } from '../support/http-managers.js';
import { codeOf } from '../support/views.js';

const URL = 'http://host/v1/stream/a';

describe.each(MANAGERS)('stopStream, on %s', (_name, manager) => {
  const world = (options: Omit<HandlerOptions, 'streams'> = {}) => {
    const streams = manager();
    const handler = createHandler({ streams, ...options });
    const ask = ((url: string, init: RequestInit) => handler(new Request(url, init))) as typeof fetch;
    return { streams, options: { fetch: ask } };
  };

  it('ends a stream CANCELLED, in the process and over HTTP, and tells its producer in the process', async () => {
    const { streams, options } = world();
    const input = streams.open<string>('a');
    input.next('before');
    await input.flush();
    const failed = firstValueFrom(input.failed);
    const { signal } = input;
    await stopStream(URL, { ...options, reason: 'The visitor has read enough: é' });
    const error = { code: 'CANCELLED', message: 'The visitor has read enough: é' };
    expect(await failed).toMatchObject(error);
    expect(signal.reason).toMatchObject(error);
    expect(input.closed).toBe(true);
    expect((await streams.head('a')).status).toBe('error');
    await expect(firstValueFrom(streams.subscribe('a').output())).rejects.toMatchObject(error);
    await expect(firstValueFrom(durableStream(URL, options).output())).rejects.toMatchObject(error);
  });

  it('reaches a producer over HTTP with its next write', async () => {
    const { options } = world();
    const input = openStream<string>(URL, options);
    await input.write('before');
    await stopStream(URL, options);
    await expect(input.write('after')).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'The stream was stopped.',
    });
  });

  it('changes nothing on a stream that has ended, however often', async () => {
    const { streams, options } = world();
    const input = streams.open<string, string>('a');
    input.complete('the output');
    await input.flush();
    await stopStream(URL, options);
    await stopStream(URL, options);
    expect(await firstValueFrom(streams.subscribe<string, string>('a').output())).toBe('the output');
  });

  it('rejects with NOT_FOUND where there is no stream', async () => {
    expect(await codeOf(() => stopStream(URL, world().options))).toBe('NOT_FOUND');
  });

  it('may be allowed to whoever may not write', async () => {
    const operations: string[] = [];
    const authorize = ({ operation }: Attempt) => {
      operations.push(operation);
      return operation === 'stop';
    };
    const { streams, options } = world({ authorize });
    const input = streams.open<string>('a');
    await input.flush();
    const closed = { 'stream-closed': 'true' };
    const outcome = '{"type":"error","error":{"code":"CANCELLED","message":""}}';
    const producer = { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '0' };
    for (const headers of [
      closed,
      { ...closed, 'stream-outcome': '{"type":"error","error":{"code":"ABORTED","message":""}}' },
      { ...closed, 'stream-outcome': '{"type":"done","output":1}' },
      { ...closed, 'stream-outcome': 'malformed' },
      { ...closed, 'stream-outcome': outcome, ...producer },
      { ...closed, 'stream-outcome': outcome, 'content-type': 'application/json' },
    ]) {
      expect((await options.fetch(URL, { method: 'POST', headers })).status).toBe(403);
    }
    expect(new Set(operations)).toEqual(new Set(['close']));
    // What has a body may not pass for a stop.
    const body = new TextEncoder().encode('[1]');
    const smuggled = { method: 'POST', headers: { ...closed, 'stream-outcome': outcome }, body };
    expect((await options.fetch(URL, smuggled)).status).toBe(400);
    expect(await streams.head('a')).toMatchObject({ status: 'open', chunks: 0 });
    await stopStream(URL, options);
    expect((await streams.head('a')).status).toBe('error');
  });
});

describe('stopStream', () => {
  const answered: Answering = () => new Response(null, { status: 204 });
  const world = (options: StopStreamOptions, ...answers: readonly Answering[]) => {
    const clock = new PatientClock();
    const script = scripted(clock, ...answers);
    const retry = { jitter: 0, ...options.retry };
    const stopping = stopStream(URL, { scheduler: clock, fetch: script.fetch, ...options, retry });
    // Looked at later.
    stopping.catch(() => undefined);
    return { clock, script, stopping };
  };

  it('asks again for as long as that can help', async () => {
    const { clock, script, stopping } = world({}, unreachable, refusing(503), answered);
    await clock.until(1_000);
    await stopping;
    expect(script.times).toEqual(['0 ', '250 ', '750 ']);
    expect(clock.actions.length).toBe(0);
  });

  it('gives up where that can not help, or is not wanted', async () => {
    const refused = world({}, refusing(403));
    expect(await codeOf(() => refused.stopping)).toBe('PERMISSION_DENIED');
    const counted = world({ retry: { count: 1 } }, unreachable);
    await counted.clock.until(1_000);
    expect(await codeOf(() => counted.stopping)).toBe('UNAVAILABLE');
    expect(counted.script.asked.length).toBe(2);
  });

  it('takes a refusal that says that the stream is closed for done', async () => {
    const { stopping } = world({}, refusing(409, { 'stream-closed': 'true' }));
    expect(await codeOf(() => stopping)).toBe(undefined);
  });

  it('ends with CANCELLED when its signal is aborted: before, while it asks, and between', async () => {
    const signal = AbortSignal.abort();
    expect(await codeOf(() => world({ signal }, answered).stopping)).toBe('CANCELLED');
    for (const answer of [() => new Promise<never>(() => {}), unreachable]) {
      const controller = new AbortController();
      const { clock, script, stopping } = world({ signal: controller.signal }, answer);
      await clock.until(10);
      controller.abort();
      expect(await codeOf(() => stopping)).toBe('CANCELLED');
      await clock.until(1_000);
      expect(script.asked.length).toBe(1);
      expect(clock.actions.length).toBe(0);
    }
  });

  it('refuses what is out of range, as a rejection', async () => {
    expect(await codeOf(() => stopStream('ftp://host'))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(() => stopStream(URL, { reason: 1 as never }))).toBe('INVALID_ARGUMENT');
  });
});
