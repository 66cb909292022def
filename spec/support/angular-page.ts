import {
  type ApplicationConfig,
  type ApplicationRef,
  Component,
  type EnvironmentProviders,
  mergeApplicationConfig,
  provideZonelessChangeDetection,
  type Type,
} from '@angular/core';
import {
  bootstrapApplication,
  type BootstrapContext,
  provideClientHydration,
} from '@angular/platform-browser';
import { provideServerRendering, renderApplication } from '@angular/platform-server';
import { Window } from 'happy-dom';
import {
  durableResource,
  type DurableStreamsOptions,
  provideDurableStreams,
} from 'rxjs-durable-streams/angular';
import { onTestFinished } from 'vitest';

import { BASE_URL, type served } from './angular.js';

// Angular tells of itself in each of many applications.
const { log } = console;
console.log = (...values: unknown[]) => {
  if (!String(values[0]).startsWith('Angular ')) log(...values);
};

const DOCUMENT = '<html><head></head><body><app-root></app-root></body></html>';

type Server = ReturnType<typeof served>;
type Resource = ReturnType<typeof durableResource<unknown, unknown, unknown>>;

/** A page that shows resources, one a line: `status|chunks|output|code of the error`. */
export function pageOf(make: () => Resource | readonly Resource[]) {
  let resources: readonly Resource[] = [];
  class Page {
    readonly lines = (): string[] =>
      resources.map(({ status, chunks, output, error }) =>
        [status(), JSON.stringify(chunks()), JSON.stringify(output()), error()?.code].join('|'),
      );

    constructor() {
      resources = [make()].flat();
    }
  }
  const template = '@for (line of lines(); track $index) {<p>{{ line }}</p>}';
  Component({ selector: 'app-root', template })(Page);
  return { component: Page as Type<unknown>, resources: () => resources };
}

type Page = ReturnType<typeof pageOf>;

function configOf(
  server: Pick<Server, 'fetch'> | undefined,
  options: Partial<DurableStreamsOptions>,
): ApplicationConfig {
  const streams =
    server === undefined ? [] : provideDurableStreams({ baseUrl: BASE_URL, fetch: server.fetch, ...options });
  return { providers: [provideZonelessChangeDetection(), provideClientHydration(), streams] };
}

/** The page as a server renders it. */
export function rendered(
  { component }: Page,
  server: Pick<Server, 'fetch'>,
  options: Partial<DurableStreamsOptions> = {},
): Promise<string> {
  // A server that waits for more than it needs to is noticed.
  const streams = configOf(server, { snapshotTimeout: Infinity, ...options });
  const config = mergeApplicationConfig({ providers: [provideServerRendering()] }, streams);
  // Angular 20.0 to 20.2 gives no context, and wants none.
  const bootstrap = (context?: BootstrapContext) => bootstrapApplication(component, config, context);
  return renderApplication(bootstrap, { document: DOCUMENT, url: '/' });
}

/** The lines that a page shows. */
export const linesOf = (html: string): string[] =>
  Array.from(html.matchAll(/<p>(.*?)<\/p>/g), ([, line = '']) => line.replaceAll('&quot;', '"'));

/** What a page gives to the browser of each of its streams, by what it is known by. */
export function transferredIn(html: string): Record<string, unknown> {
  const [, text = '{}'] = /<script id="ng-state" type="application\/json">(.*?)<\/script>/.exec(html) ?? [];
  const state = JSON.parse(text) as Record<string, unknown>;
  const ours = Object.entries(state).filter(([key]) => key.startsWith('rxjs-durable-streams'));
  return Object.fromEntries(ours);
}

/** The page in a browser, which goes on with what a server has rendered; without a server it has no streams. */
export async function hydrated(
  { component }: Page,
  html: string,
  server: Pick<Server, 'fetch'> | undefined,
  options: Partial<DurableStreamsOptions> = {},
  ...providers: EnvironmentProviders[]
): Promise<{ readonly application: ApplicationRef; readonly document: Document }> {
  const window = new Window({ url: 'http://host/' });
  window.document.write(html);
  const document = window.document as unknown as Document;
  // What hydration looks at beside the document; and that this is no server, which Angular remembers since it was one.
  Object.assign(globalThis, { document, window, Node: window.Node, ngServerMode: undefined });
  const config = mergeApplicationConfig(configOf(server, options), { providers });
  const application = await bootstrapApplication(component, config);
  onTestFinished(() => {
    if (!application.destroyed) application.destroy();
  });
  return { application, document };
}
