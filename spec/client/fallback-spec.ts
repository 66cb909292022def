import { describe, expect, it } from 'vitest';

import {
  clientWorld as world,
  event,
  live,
  page,
  recorded,
  refusing,
  silent,
  unreachable,
} from '../support/client.js';

const begun = page(['a'], '1', { upToDate: true });
const closed = page(['b'], '2', { closed: true });
const polled = 'live=long-poll&offset=1';

describe('events that do not come', () => {
  it('because a proxy keeps them to itself are given up for long-polling', async () => {
    const kept = live();
    const { clock, script, stream } = world({ sseTimeout: 1_000 }, begun, kept.answer, closed);
    await recorded(clock, stream).toBe('a 999ms (b|)');
    expect(script.times).toEqual(['0 offset=-1', '0 live=sse&offset=1', `1000 ${polled}`]);
    expect(kept.gone).toBe(true);
  });

  it('because a proxy keeps the whole answer are given up too', async () => {
    const { clock, script, stream } = world({}, begun, silent, closed);
    await recorded(clock, stream).toBe('a 4999ms (b|)');
    expect(script.times.at(-1)).toBe(`5000 ${polled}`);
  });

  it.each([400, 405, 406, 501])('because the server answers %i are given up at once', async (status) => {
    const { clock, script, stream } = world({}, begun, refusing(status), closed);
    await recorded(clock, stream).toBe('(ab|)');
    expect(script.times.at(-1)).toBe(`0 ${polled}`);
  });

  it('because the answer is of another type are given up at once', async () => {
    const { clock, script, stream } = world({}, begun, page(['x'], '2'), closed);
    await recorded(clock, stream).toBe('(ab|)');
    expect(script.times.at(-1)).toBe(`0 ${polled}`);
  });

  it('because each answer ends before the first are given up after some', async () => {
    const empty = () => {
      const events = live();
      events.end();
      return events.answer;
    };
    const { clock, script, stream } = world({}, begun, empty(), empty(), empty(), closed);
    await recorded(clock, stream).toBe('a 749ms (b|)');
    expect(script.times.at(-1)).toBe(`750 ${polled}`);
  });

  it('because the network does not work are not given up', async () => {
    const events = live();
    const { clock, script, stream } = world({}, begun, unreachable, refusing(503), events.answer);
    events.send(event(['b'], '2', { streamClosed: true }));
    await recorded(clock, stream).toBe('a 749ms (b|)');
    expect(script.times.at(-1)).toBe('750 live=sse&offset=1');
  });
});
