import { map, type OperatorFunction, takeWhile } from 'rxjs';

import type { StreamDoneEvent, StreamEvent } from '../stream-manager.js';
import { checkEvent } from './event.js';

/**
 * From events back to chunks: completes at `done` and errors with the stream's error. What is an error notification
 * of the source stays one.
 */
export function chunks<C, O = void>(): OperatorFunction<StreamEvent<C, O>, C> {
  return (source) =>
    source.pipe(
      takeWhile((event): event is Exclude<typeof event, StreamDoneEvent<O>> => {
        checkEvent(event);
        return event.type !== 'done';
      }),
      map((event) => {
        if (event.type === 'error') throw event.error;
        return event.chunk;
      }),
    );
}
