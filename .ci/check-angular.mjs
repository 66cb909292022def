// Compiles and runs an application with the packed package under the Angulars at the ends of its range: what is
// between them is what the specs run. A page is rendered on a server, taken over by a browser, stopped.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { install, pack, runner } from './packed.mjs';

// 22 asks for a newer Node than 20, and runs on it all the same.
const VERSIONS = ['20.0.0', '22.2.0'];
const PARTS = ['core', 'common', 'compiler', 'platform-browser', 'platform-server'];
const OTHERS = ['rxjs@7.8.2', 'happy-dom@21.0.4', 'typescript@5.9.3'];
const MODES = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'preserve', moduleResolution: 'bundler' },
];

const PROGRAM = `
import '@angular/compiler';
import { type ApplicationRef, Component, provideZonelessChangeDetection, VERSION } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { provideServerRendering, renderApplication } from '@angular/platform-server';
import { Window } from 'happy-dom';
import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { durableResource, provideDurableStreams } from 'rxjs-durable-streams/angular';
import { createHandler } from 'rxjs-durable-streams/http';

const check = (truth: boolean, what: string): void => {
  if (!truth) throw new Error(what);
};

const streams = new InMemoryStreamManager();
const handler = createHandler({ streams });
const input = streams.open<string>('a');
const asked: string[] = [];
class App {
  readonly answer = durableResource<string, void, string>({
    id: () => 'a',
    reduce: (text, chunk) => text + chunk,
    initial: '',
  });
}
const template = '<p>{{ answer.status() }} {{ answer.chunks() }} {{ answer.error()?.code }}</p>';
Component({ selector: 'app-root', template })(App);
const providers = [
  provideZonelessChangeDetection(),
  provideDurableStreams({
    baseUrl: 'http://host/v1/stream',
    fetch: (url, init) => {
      asked.push(String(url));
      return handler(new Request(url, init));
    },
  }),
];
// Angular 20.0 knows no third argument, and has none to give.
const bootstrap = bootstrapApplication as (...args: unknown[]) => Promise<ApplicationRef>;

input.next('one');
const html = await renderApplication(
  (...context: unknown[]) => bootstrap(App, { providers: [provideServerRendering(), ...providers] }, ...context),
  { document: '<html><body><app-root></app-root></body></html>', url: '/' },
);
check(html.includes('<p>open one </p>'), html);

const window = new Window({ url: 'http://host/' });
window.document.write(html);
Object.assign(globalThis, { document: window.document, window, Node: window.Node, ngServerMode: undefined });
asked.length = 0;
const application = await bootstrap(App, { providers });
const shows = async (text: string): Promise<void> => {
  const { body } = window.document;
  for (let i = 0; i < 500 && !body.innerHTML.includes(text); i++) await new Promise((look) => setTimeout(look, 10));
  check(body.innerHTML.includes(text), body.innerHTML);
};
await shows('open one');
await application.whenStable();
input.next(' two');
await shows('open one two');
check(!asked.some((url) => url.includes('offset=-1')), 'nothing is read twice');
await (application.components[0]?.instance as App).answer.stop();
await shows('error one two CANCELLED');
check(input.closed, 'the producer was told');
application.destroy();
console.log('ran under Angular', VERSION.full);

// @ts-expect-error The declarations were found: this is not any.
export const wrong = (): number => durableResource<string>({ id: () => 'a' });
`;

const temp = mkdtempSync(join(tmpdir(), 'angular-'));

const run = runner(300_000);

try {
  const tarball = pack(run, temp);
  for (const version of VERSIONS) {
    const cwd = join(temp, version);
    const packages = [...PARTS.map((part) => `@angular/${part}@${version}`), ...OTHERS, tarball];
    install(run, cwd, { type: 'module' }, ...packages);
    writeFileSync(join(cwd, 'program.ts'), PROGRAM);
    for (const mode of MODES) {
      console.log(`Angular ${version}, moduleResolution ${mode.moduleResolution}`);
      const compilerOptions = {
        ...mode,
        target: 'es2022',
        lib: ['es2022', 'dom'],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        outDir: 'out',
      };
      writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }));
      run(cwd, join(cwd, 'node_modules/.bin/tsc'));
    }
    run(cwd, process.execPath, 'out/program.js');
  }
} finally {
  rmSync(temp, { recursive: true, force: true });
}
