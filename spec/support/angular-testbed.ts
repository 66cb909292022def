import './angular.js';

import { type EnvironmentProviders, provideZonelessChangeDetection, type Provider } from '@angular/core';
import { getTestBed, TestBed } from '@angular/core/testing';
import { BrowserTestingModule, platformBrowserTesting } from '@angular/platform-browser/testing';
import { Window } from 'happy-dom';
import { type DurableStreamsOptions, provideDurableStreams } from 'rxjs-durable-streams/angular';
import { expect, onTestFinished, vi } from 'vitest';

import { BASE_URL, served } from './angular.js';

// Of a browser, Angular needs this here, and nothing that Node has in a way of its own.
const { document, Node } = new Window({ url: 'http://host/' });
Object.assign(globalThis, { document, Node });

getTestBed().initTestEnvironment(BrowserTestingModule, platformBrowserTesting());

/** An application for one test. */
export function application(...providers: (Provider | EnvironmentProviders)[]): void {
  TestBed.configureTestingModule({ providers });
  onTestFinished(() => {
    TestBed.resetTestingModule();
  });
}

/** An application without zones, and a server of its streams. */
export function angularWorld(options: Partial<DurableStreamsOptions> = {}, server = served()) {
  application(
    provideZonelessChangeDetection(),
    provideDurableStreams({ baseUrl: BASE_URL, fetch: server.fetch, ...options }),
  );
  return server;
}

/** Makes something where Angular injects, and lets its effects run. */
export function made<T>(make: () => T): T {
  const value = TestBed.runInInjectionContext(make);
  TestBed.tick();
  return value;
}

/** Waits until a signal, or whatever else a function looks at, is as it should be. */
export const until = (look: () => unknown, wanted: unknown): Promise<void> =>
  vi.waitFor(() => {
    expect(look()).toEqual(wanted);
  });
