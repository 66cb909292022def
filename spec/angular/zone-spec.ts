import 'zone.js';

import { ApplicationRef, NgZone, provideZoneChangeDetection } from '@angular/core';
import { TestBed } from '@angular/core/testing';
import { asapScheduler } from 'rxjs';
import { durableResource, injectDurableStreams, provideDurableStreams } from 'rxjs-durable-streams/angular';
import { describe, expect, it } from 'vitest';

import { BASE_URL, served } from '../support/angular.js';
import { application, until } from '../support/angular-testbed.js';

/** An application with a zone, in which `act` is called. */
function inZone<T>(act: () => T, options: object = {}) {
  const server = served();
  /** What is asked in which zone. */
  const zones = new Set<string>();
  const ask = ((url: string, init: RequestInit) => {
    zones.add(NgZone.isInAngularZone() ? 'inside' : 'outside');
    return server.fetch(url, init);
  }) as typeof fetch;
  application(
    provideZoneChangeDetection(),
    provideDurableStreams({ baseUrl: BASE_URL, fetch: ask, ...options }),
  );
  server.streams.open<string>('a').next('x');
  const zone = TestBed.inject(NgZone);
  const value = TestBed.runInInjectionContext(() => zone.run(act));
  TestBed.tick();
  return { value, zone, zones, application: TestBed.inject(ApplicationRef), ...server };
}

describe('with zone.js', () => {
  it('a resource that reads live keeps the application stable, and its signals change', async () => {
    const { value, zone, zones, application, asked } = inZone(() =>
      durableResource<string>({ id: () => 'a' }),
    );
    await until(value.chunks, ['x']);
    await until(() => asked.length, 2);
    expect(zone.hasPendingMacrotasks).toBe(false);
    await application.whenStable();
    expect([...zones]).toEqual(['outside']);
  });

  it('so does a service that reads, writes and waits', async () => {
    const seen: string[] = [];
    const { value, zone, zones, application, asked, streams } = inZone(() => {
      const durable = injectDurableStreams();
      durable.subscribe<string>('a').subscribe((chunk) => seen.push(chunk));
      durable.subscribe<string>('not yet', { wait: Infinity }).subscribe();
      const input = durable.open<string>('mine');
      input.next('y');
      input.failed.subscribe();
      return input;
    });
    await until(() => seen, ['x']);
    await value.flush();
    zone.run(() => {
      value.next('z');
    });
    await value.flush();
    await until(() => asked.some((line) => line.includes('live=sse')), true);
    expect(zone.hasPendingMacrotasks).toBe(false);
    await application.whenStable();
    expect([...zones]).toEqual(['outside']);
    expect((streams.head('mine') as { chunks: number }).chunks).toBe(2);
    value.close();
  });

  it('a scheduler that is given is used, and a fetch that is none is refused', async () => {
    const { value } = inZone(() => durableResource<string>({ id: () => 'a' }), {
      scheduler: asapScheduler,
      fetch: 1,
    });
    expect(value.error()).toMatchObject({ code: 'INVALID_ARGUMENT' });
    TestBed.resetTestingModule();
    const delays: (number | undefined)[] = [];
    const scheduler = {
      now: () => Date.now(),
      schedule: (...work: Parameters<typeof asapScheduler.schedule>) => {
        delays.push(work[1]);
        return asapScheduler.schedule(() => {}, work[1] ?? 0);
      },
    };
    const other = inZone(() => durableResource<string>({ id: () => 'a' }), { scheduler, silence: 4_321 });
    await until(other.value.chunks, ['x']);
    expect(delays).toContain(4_321);
  });

  it('a timer of somebody else would keep it from being stable', () => {
    const { zone } = inZone(() => setTimeout(() => {}, 10));
    expect(zone.hasPendingMacrotasks).toBe(true);
  });
});
