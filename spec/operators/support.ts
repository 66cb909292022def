import type { Observable } from 'rxjs';
import type { Context } from 'rxjs-marbles';

import type { StreamError } from '../../lib/index.js';

/** Acts in the frame of the marble's `|`, before what hot observables do in it. */
export function at(m: Context, marble: string, act: () => void): void {
  m.scheduler.schedule(act, m.time(marble));
}

/** Writes down what an observable gives, with the code or the message of its error. */
export function record<T>(observable: Observable<T>): (T | string)[] {
  const seen: (T | string)[] = [];
  observable.subscribe({
    next: (value) => seen.push(value),
    error: (error: unknown) => {
      const { code, message } = error as Partial<StreamError>;
      seen.push(`# ${String(code ?? message)}`);
    },
    complete: () => seen.push('|'),
  });
  return seen;
}
