import { cachingCases } from './http-suite/caching.js';
import { HttpCases, type HttpUnderTest } from './http-suite/cases.js';
import { closingCases } from './http-suite/closing.js';
import { contentCases } from './http-suite/content.js';
import { forkCases } from './http-suite/forks.js';
import { liveCases } from './http-suite/live.js';
import { offsetCases } from './http-suite/offsets.js';
import { producerCases } from './http-suite/producers.js';
import { safetyCases } from './http-suite/safety.js';
import { sseCases } from './http-suite/sse.js';
import type { TestFramework } from './engine-suite/cases.js';

export type { HttpUnderTest } from './http-suite/cases.js';

const GROUPS: Readonly<Record<string, (cases: HttpCases) => void>> = {
  caching: cachingCases,
  closing: closingCases,
  content: contentCases,
  offsets: offsetCases,
  'idempotent producers': producerCases,
  'long-poll': liveCases,
  'server-sent events': sseCases,
  forks: forkCases,
  safety: safetyCases,
};

/**
 * Registers audits of a Durable Streams server, with a test framework's `describe` and `it`: what the suite of the
 * protocol itself, `@durable-streams/server-conformance-tests`, does not ask. Each has an id that stays, and the section
 * of the protocol that it is about. They speak HTTP and nothing else, so that they can be asked of any server.
 */
export function httpSuite(framework: TestFramework, subject: HttpUnderTest): void {
  const cases = new HttpCases(framework, subject);
  framework.describe(`The server on ${subject.name}`, () => {
    for (const [name, group] of Object.entries(GROUPS)) framework.describe(name, () => group(cases));
  });
}
