import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  type Answering,
  clientWorld as world,
  event,
  live,
  page,
  recorded,
  refusing,
} from '../support/client.js';

const absent = refusing(404);
const closed = page(['a'], '1', { closed: true });
const absentFor = (count: number): Answering[] => Array.from({ length: count }, () => absent);

describe('a stream that is not there yet', () => {
  it('is looked for with growing delays, and read once it is there', async () => {
    const { clock, script, stream } = world({ wait: 60_000 }, ...absentFor(7), closed);
    await recorded(clock, stream).toBe('7100ms (a|)');
    expect(script.asked.map(({ frame }) => frame)).toEqual([0, 100, 300, 700, 1_500, 3_100, 5_100, 7_100]);
  });

  it('is NOT_FOUND when the time is over, and at once without one', async () => {
    const { clock, stream } = world({ wait: 1_000 }, absent);
    await recorded(clock, stream).toBe('1s #', undefined, 'NOT_FOUND');
    const now = world({}, absent);
    await recorded(now.clock, now.stream).toBe('#', undefined, 'NOT_FOUND');
  });

  it('is read from its start by whoever wants what comes from now on', async () => {
    const { clock, script, stream } = world({ wait: 1_000, from: 'now' }, absent, closed);
    await recorded(clock, stream).toBe('100ms (a|)');
    expect(script.times).toEqual(['0 offset=now', '100 offset=-1']);
  });

  it('is not waited for once it was there', async () => {
    const { clock, stream } = world({ wait: 60_000 }, page(['a'], '1'), absent);
    await recorded(clock, stream).toBe('(a#)', undefined, 'NOT_FOUND');
  });
});

class Page extends EventTarget {
  visibilityState = 'visible';

  show(shown: boolean): void {
    this.visibilityState = shown ? 'visible' : 'hidden';
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

describe('a page that is hidden', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const hidden = () => {
    const shown = new Page();
    vi.stubGlobal('document', shown);
    return shown;
  };

  it('holds no connection if that is wanted, and goes on when it is shown', async () => {
    const shown = hidden();
    const [first, second] = [live(), live()];
    const { clock, script, stream } = world(
      { pauseWhenHidden: true },
      page(['a'], '1', { upToDate: true }),
      first.answer,
      second.answer,
    );
    const notes = recorded(clock, stream);
    first.send(event(['b'], '2', { upToDate: true }));
    await clock.until(1_000);
    shown.show(false);
    await clock.until(1_001);
    expect(first.gone).toBe(true);
    await clock.until(90_000);
    expect(script.asked.length).toBe(2);
    shown.show(true);
    second.send(event(['c'], '3', { streamClosed: true }));
    await notes.toBe('(ab) 89996ms (c|)');
    expect(script.times.at(-1)).toBe('90000 cursor=1&live=sse&offset=2');
  });

  it('begins to read when it is shown', async () => {
    const shown = hidden();
    shown.show(false);
    const { clock, script, stream } = world({ pauseWhenHidden: true }, closed);
    const notes = recorded(clock, stream);
    await clock.until(50);
    expect(script.asked).toEqual([]);
    shown.show(true);
    await notes.toBe('50ms (a|)');
  });

  it('goes on reading otherwise, and leaves no listener behind', async () => {
    const shown = hidden();
    const listeners = vi.spyOn(shown, 'addEventListener');
    const left = vi.spyOn(shown, 'removeEventListener');
    const { clock, stream } = world({}, closed);
    shown.show(false);
    await recorded(clock, stream).toBe('(a|)');
    expect(listeners).not.toHaveBeenCalled();
    const paused = world({ pauseWhenHidden: true }, closed);
    paused.stream.subscribe().unsubscribe();
    expect([listeners.mock.calls.length, left.mock.calls.length]).toEqual([3, 3]);
  });
});
