import { catchError, map, type Observable, throwError } from 'rxjs';

import type { OpenOptions, StreamError, StreamManager } from '../../lib/index.js';
import { codeOf } from './views.js';

/** `'OK'`, or the code of what a call threw or rejected with. */
export const outcome = async (call: () => unknown): Promise<string> => (await codeOf(call)) ?? 'OK';

/** The outcomes of a call that is made at each value of a marble. */
export function outcomesAt(moments: Observable<unknown>, call: () => unknown): Promise<string>[] {
  const outcomes: Promise<string>[] = [];
  moments.subscribe(() => {
    outcomes.push(outcome(call));
  });
  return outcomes;
}

/** Claims an id; settles when it is known whether the claim holds. */
export async function claim(streams: StreamManager, id: string, options?: OpenOptions): Promise<void> {
  await streams.open(id, options).opened;
}

/** The codes with which an input failed. */
export const codes = (failed: Observable<StreamError>): Observable<string> =>
  failed.pipe(map(({ code }) => code));

/** The same with an error's message in its place, where the message is the test's own. */
export const byMessage = <T>(source: Observable<T>): Observable<T> =>
  source.pipe(catchError((error: unknown) => throwError(() => (error as Error).message)));
