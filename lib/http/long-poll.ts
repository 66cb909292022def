import type { Loaded } from '../engines/engine.js';
import { notFound } from '../errors.js';
import type { Place } from '../log/place.js';
import type { Range } from '../log/range.js';
import type { Context } from './context.js';
import { cursorAfter } from './cursor.js';
import type { HttpReply } from './exchange.js';
import { addOutcome } from './outcome.js';
import { given, type Query, rangeFields } from './read.js';
import { TailReader } from './tail-reader.js';

/** Gives what follows a place, or waits for it (section 5.7). */
export async function longPoll(
  context: Context,
  id: string,
  loaded: Loaded,
  place: Place,
  query: Query,
  signal: AbortSignal,
): Promise<HttpReply> {
  const { maxResponseBytes } = context.settings;
  let range = await context.read(id, loaded, place, maxResponseBytes);
  if (range.chunks.length === 0 && range.head.status === 'open') {
    const { generation } = range.head;
    const more = await isMore(context, id, generation, range.place, signal);
    // As it is now: what has come, and whether that was the end.
    const now = more ? await context.look(id) : undefined;
    if (now !== undefined && now.head.generation !== generation) throw notFound(id);
    if (now !== undefined) range = await context.read(id, now, range.place, maxResponseBytes);
  }
  return answered(context, id, range, query);
}

async function answered(
  context: Context,
  id: string,
  range: Range,
  { offset, cursor }: Query,
): Promise<HttpReply> {
  const { clock } = context;
  const fields = rangeFields(context, range);
  if (fields['stream-closed'] === undefined) {
    fields['stream-cursor'] = cursorAfter(cursor, clock.now(), () => clock.random());
  } else {
    addOutcome(fields, await context.outcome(id, range));
  }
  if (offset === 'now' || range.chunks.length === 0) fields['cache-control'] = 'no-store';
  if (range.chunks.length > 0) return given(range, fields);
  return { status: 204, headers: fields, body: null };
}

/** Waits until something follows a place, or nothing ever will; not for longer than is configured. */
function isMore(
  { streams, clock, settings, live, draining }: Context,
  id: string,
  generation: number,
  place: Place,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted || draining) return Promise.resolve(false);
  return new Promise((resolve) => {
    const over = (more: boolean): void => {
      cancel();
      live.delete(stop);
      signal.removeEventListener('abort', stop);
      reader.leave();
      resolve(more);
    };
    const stop = (): void => {
      over(false);
    };
    const found = (): void => {
      over(true);
    };
    const cancel = clock.inBackground(settings.longPollMs, stop);
    live.add(stop);
    signal.addEventListener('abort', stop);
    const reader = new TailReader({ chunk: found, over: found });
    reader.read(streams, id, generation, place);
  });
}
