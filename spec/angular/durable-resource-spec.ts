import {
  ApplicationRef,
  Component,
  createEnvironmentInjector,
  EnvironmentInjector,
  Injector,
  Input,
  input,
  signal,
} from '@angular/core';
import { TestBed } from '@angular/core/testing';
import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { durableResource } from 'rxjs-durable-streams/angular';
import { describe, expect, it, vi } from 'vitest';

import { served } from '../support/angular.js';
import { angularWorld, made, until } from '../support/angular-testbed.js';
import { codeOf } from '../support/views.js';

/** Whether somebody reads a stream live: then nothing is known that will remove it. */
const isRead = (streams: { head(id: string): unknown }, id: string): boolean =>
  (streams.head(id) as { expiresAt?: number }).expiresAt === undefined;

/** A manager that tells who is read, see {@link isRead}. */
const watched = () => served(new InMemoryStreamManager({ idleTtl: 1_000_000 }));

describe('durableResource', () => {
  it('accumulates what is there and what comes, then has the output', async () => {
    const { streams } = angularWorld();
    const input = streams.open<string, number>('a');
    input.next('a');
    input.next('b');
    const resource = made(() => durableResource<string, number>({ id: () => 'a' }));
    expect([resource.status(), resource.chunks(), resource.output()]).toEqual(['loading', [], undefined]);
    await until(resource.chunks, ['a', 'b']);
    expect(resource.status()).toBe('open');
    input.next('c');
    await until(resource.chunks, ['a', 'b', 'c']);
    input.complete(3);
    await until(resource.status, 'done');
    expect([resource.chunks(), resource.output(), resource.error()]).toEqual([['a', 'b', 'c'], 3, undefined]);
  });

  it('is open as soon as it is known that the stream is, though it has no chunk', async () => {
    const { streams, asked } = angularWorld();
    streams.open('a');
    const resource = made(() => durableResource({ id: () => 'a' }));
    await until(resource.status, 'open');
    await until(() => asked.length, 2);
    expect(resource.chunks()).toEqual([]);
  });

  it('gives an array that never changes, and another one once there is more', async () => {
    const { streams } = angularWorld();
    const input = streams.open<string>('a');
    input.next('a');
    const resource = made(() => durableResource<string>({ id: () => 'a' }));
    await until(resource.chunks, ['a']);
    const first = resource.chunks();
    expect(resource.chunks()).toBe(first);
    input.next('a');
    await until(resource.chunks, ['a', 'a']);
    expect(first).toEqual(['a']);
  });

  it('folds chunks by a reducer, each once', async () => {
    const { streams } = angularWorld();
    const input = streams.open<number>('a');
    for (let n = 1; n <= 100; n++) input.next(n);
    const reduce = vi.fn((sum: number, n: number) => sum + n);
    const resource = made(() => durableResource({ id: () => 'a', reduce, initial: 1_000 }));
    expect(resource.chunks()).toBe(1_000);
    await until(resource.chunks, 6_050);
    expect(reduce).toHaveBeenCalledTimes(100);
  });

  it('keeps what has come when the stream ends with an error, and when it is lost', async () => {
    const { streams } = angularWorld();
    const failing = streams.open<string>('failing');
    const deleted = streams.open<string>('deleted');
    for (const input of [failing, deleted]) input.next('before');
    const [first, second] = made(
      () =>
        [
          durableResource<string>({ id: () => 'failing' }),
          durableResource<string>({ id: () => 'deleted' }),
        ] as const,
    );
    await until(() => [first.chunks(), second.chunks()], [['before'], ['before']]);
    failing.error({ code: 'ABORTED', message: 'enough', details: { n: 1 } });
    await streams.delete('deleted');
    await until(first.status, 'error');
    await until(second.status, 'error');
    expect(first.error()).toMatchObject({ code: 'ABORTED', message: 'enough', details: { n: 1 } });
    expect(second.error()).toMatchObject({ code: 'NOT_FOUND' });
    expect([first.chunks(), second.chunks()]).toEqual([['before'], ['before']]);
  });

  it('tells of what a reducer throws, keeps what was folded before, and reads no more', async () => {
    const server = watched();
    angularWorld({}, server);
    const input = server.streams.open<string>('a');
    const thrown = new RangeError('No more than two.');
    const reduce = (text: string, chunk: string) => {
      if (text.length === 2) throw thrown;
      return text + chunk;
    };
    const resource = made(() => durableResource({ id: () => 'a', reduce, initial: '' }));
    for (const chunk of 'abcd') input.next(chunk);
    await until(resource.status, 'error');
    expect(resource.error()).toMatchObject({ code: 'UNKNOWN', cause: thrown });
    expect(resource.error()?.message).toMatch('reduce has failed on a chunk: No more than two.');
    expect(resource.chunks()).toBe('ab');
    await until(() => isRead(server.streams, 'a'), false);
  });

  it('is idle without an id, and then reads the stream of each id, forgetting the one before at once', async () => {
    const server = watched();
    const { streams, asked } = angularWorld({}, server);
    for (const id of ['a', 'b']) streams.open<string>(id).next(`of ${id}`);
    const id = signal<string | undefined>(undefined);
    const resource = made(() => durableResource<string>({ id }));
    expect([resource.status(), resource.chunks(), asked]).toEqual(['idle', [], []]);
    id.set('a');
    expect(resource.status()).toBe('loading');
    TestBed.tick();
    await until(resource.chunks, ['of a']);
    await until(() => isRead(streams, 'a'), true);
    id.set('b');
    // Before any effect has run.
    expect([resource.status(), resource.chunks()]).toEqual(['loading', []]);
    TestBed.tick();
    await until(resource.chunks, ['of b']);
    expect(isRead(streams, 'a')).toBe(false);
    id.set(undefined);
    TestBed.tick();
    expect([resource.status(), resource.chunks(), resource.error()]).toEqual(['idle', [], undefined]);
    await until(() => isRead(streams, 'b'), false);
  });

  it('goes on reading where the id is the same, whatever it was made of', async () => {
    const { streams, asked } = angularWorld();
    streams.open<string>('a').next('x');
    const message = signal({ id: 'a' });
    const resource = made(() => durableResource<string>({ id: () => message().id }));
    await until(resource.chunks, ['x']);
    await until(() => asked.length, 2);
    message.set({ id: 'a' });
    TestBed.tick();
    expect([resource.status(), asked.length]).toEqual(['open', 2]);
  });

  it('stops the stream itself, which its producer and all who read it are told', async () => {
    const { streams } = angularWorld();
    const input = streams.open<string>('a');
    input.next('x');
    const here = made(() => durableResource<string>({ id: () => 'a' }));
    const elsewhere = made(() => durableResource<string>({ id: () => 'a' }));
    await until(() => [here.chunks(), elsewhere.chunks()], [['x'], ['x']]);
    const { signal: told } = input;
    await here.stop({ reason: 'enough' });
    expect(told.reason).toMatchObject({ code: 'CANCELLED', message: 'enough' });
    for (const resource of [here, elsewhere]) {
      await until(() => resource.error()?.message, 'enough');
      expect([resource.error()?.code, resource.chunks()]).toEqual(['CANCELLED', ['x']]);
    }
  });

  it('stops nothing without an id, and rejects where it can not stop', async () => {
    const { asked } = angularWorld();
    const id = signal<string | undefined>(undefined);
    const resource = made(() => durableResource({ id }));
    await resource.stop();
    expect(asked).toEqual([]);
    id.set('unknown');
    expect(await codeOf(() => resource.stop())).toBe('NOT_FOUND');
  });

  it('reads again from the start when it is told to, also after an error', async () => {
    const { streams, asked } = angularWorld();
    const resource = made(() => durableResource<string>({ id: () => 'a' }));
    await until(resource.status, 'error');
    expect(resource.error()).toMatchObject({ code: 'NOT_FOUND' });
    streams.open<string>('a').next('x');
    resource.reload();
    expect([resource.status(), resource.error(), resource.chunks()]).toEqual(['loading', undefined, []]);
    TestBed.tick();
    await until(resource.chunks, ['x']);
    resource.reload();
    TestBed.tick();
    expect(resource.chunks()).toEqual([]);
    await until(resource.chunks, ['x']);
    expect(asked.filter((line) => line === 'GET /a?offset=-1').length).toBe(3);
  });

  it('ends with what injects it: nothing is read any more, what has come stays', async () => {
    const server = watched();
    const { streams, asked } = angularWorld({}, server);
    streams.open<string>('a').next('x');
    const injector = createEnvironmentInjector([], TestBed.inject(EnvironmentInjector));
    const resource = made(() => durableResource<string>({ id: () => 'a', injector: injector.get(Injector) }));
    await until(() => isRead(streams, 'a'), true);
    injector.destroy();
    await until(() => isRead(streams, 'a'), false);
    const count = asked.length;
    resource.reload();
    TestBed.tick();
    expect([resource.chunks(), resource.status(), asked.length]).toEqual([['x'], 'open', count]);
  });

  it('keeps no application from being stable while it reads, waits and tries again', async () => {
    const server = served();
    let isAway = false;
    const ask = ((url: string, init: RequestInit) =>
      isAway ? Promise.reject(new TypeError('fetch failed')) : server.fetch(url, init)) as typeof fetch;
    const { streams, asked } = angularWorld({ fetch: ask }, server);
    streams.open<string>('a').next('x');
    const resource = made(() => durableResource<string>({ id: () => 'a' }));
    const other = made(() => durableResource<string>({ id: () => 'b', wait: Infinity }));
    const application = TestBed.inject(ApplicationRef);
    await until(resource.chunks, ['x']);
    await until(() => asked.some((line) => line.includes('live=sse')), true);
    await application.whenStable();
    isAway = true;
    expect(other.status()).toBe('loading');
    await application.whenStable();
  });

  it('passes on options of a stream, and says what is wrong with them', async () => {
    const { streams } = angularWorld();
    const input = streams.open<string>('a');
    for (const chunk of 'abc') input.next(chunk);
    const [, second] = await new Promise<string[]>((resolve) => {
      const offsets: string[] = [];
      streams
        .subscribe<string>('a')
        .events()
        .subscribe(({ offset }) => {
          if (offsets.push(offset) === 3) resolve(offsets);
        });
    });
    const resource = made(() => durableResource<string>({ id: () => 'a', after: second }));
    await until(resource.chunks, ['c']);
    const wrong = made(() => durableResource({ id: () => 'a', silence: -1 }));
    expect([wrong.status(), wrong.error()?.code]).toEqual(['error', 'INVALID_ARGUMENT']);
    for (const id of ['a/../b', '.', '', '\ud800', 'x'.repeat(1_025)]) {
      const away = made(() => durableResource({ id: () => id }));
      expect(away.error()?.code).toBe('INVALID_ARGUMENT');
    }
  });

  it('belongs to a component: its id may be an input, and what it has is rendered at once', async () => {
    const server = watched();
    const { streams } = angularWorld({}, server);
    for (const id of ['a', 'b']) streams.open<string>(id).next(`of ${id}`);
    @Component({ selector: 'app-answer', template: '{{ answer.status() }} {{ answer.chunks() }}' })
    class Answer {
      // What Angular's compiler makes of an input that is a signal.
      @Input({ isSignal: true, alias: 'id', required: true } as Input)
      readonly id = input.required<string>();
      readonly answer = durableResource<string>({ id: this.id });
    }
    const fixture = TestBed.createComponent(Answer);
    const text = () => (fixture.nativeElement as HTMLElement).textContent;
    fixture.componentRef.setInput('id', 'a');
    await fixture.whenStable();
    await until(text, 'open of a');
    fixture.componentRef.setInput('id', 'b');
    await until(text, 'open of b');
    await until(() => [isRead(streams, 'a'), isRead(streams, 'b')], [false, true]);
    fixture.destroy();
    await until(() => isRead(streams, 'b'), false);
  });

  it('needs to be injected', () => {
    expect(() => durableResource({ id: () => 'a' })).toThrow(/NG0203/);
    angularWorld();
    const injector = TestBed.inject(Injector);
    expect(durableResource({ id: () => undefined, injector }).status()).toBe('idle');
  });
});
