import { catchError, map, type Observable, throwError } from 'rxjs';

import type { OpenOptions, StreamError, StreamManager } from '../../lib/index.js';

/** The code of an error. */
export const codeOf = (error: unknown): string =>
  String((error as Partial<StreamError> | undefined)?.code ?? error);

/** `'OK'`, or the code of what a call threw or rejected with. It serves plain values and promises alike. */
export async function outcome(call: () => unknown): Promise<string> {
  try {
    await call();
    return 'OK';
  } catch (error) {
    return codeOf(error);
  }
}

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

/** Errors become their codes: rxjs-marbles compares nothing but name and message of an `Error`. */
export const withCodes = <T>(source$: Observable<T>): Observable<T> =>
  source$.pipe(catchError((error: unknown) => throwError(() => codeOf(error))));

/** The same with their messages. */
export const withMessages = <T>(source$: Observable<T>): Observable<T> =>
  source$.pipe(catchError((error: unknown) => throwError(() => (error as Error).message)));

/** The codes with which an input failed. */
export const codes = (failed: Observable<StreamError>): Observable<string> => failed.pipe(map(codeOf));
