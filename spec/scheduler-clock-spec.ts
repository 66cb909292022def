import {
  asapScheduler,
  asyncScheduler,
  queueScheduler,
  type SchedulerLike,
  VirtualTimeScheduler,
} from 'rxjs';
import { describe, expect, it, vi } from 'vitest';

import { ExpiryQueue } from '../lib/expiry.js';
import { schedulerClock } from '../lib/scheduler-clock.js';
import { RecordingScheduler, runUntil } from './support/schedulers.js';

function createClock() {
  const time = new VirtualTimeScheduler();
  const scheduler = new RecordingScheduler(time);
  const ran: string[] = [];
  const note = (name: string) => (): void => void ran.push(`${time.frame} ${name}`);
  return { time, scheduler, clock: schedulerClock(scheduler, new ExpiryQueue(scheduler)), ran, note };
}

describe('The clock of a scheduler', () => {
  it('is the time of the scheduler, and chance', () => {
    const { time, clock } = createClock();
    time.frame = 7;
    expect(clock.now()).toBe(7);
    expect(clock.random()).toBeGreaterThanOrEqual(0);
    expect(clock.random()).toBeLessThan(1);
  });

  it.each(['after', 'inBackground'] as const)(
    'calls back %s a time, once, unless that is cancelled',
    (how) => {
      const { time, scheduler, clock, ran, note } = createClock();
      clock[how](5, note('five'));
      const cancel = clock[how](3, note('three'));
      clock[how](0, note('zero'));
      clock[how](4, note('four'));
      cancel();
      cancel();
      runUntil(time, 100);
      cancel();
      expect(ran).toEqual(['0 zero', '4 four', '5 five']);
      expect(scheduler.pending).toBe(0);
    },
  );

  it('may be asked from a callback', () => {
    const { time, clock, ran, note } = createClock();
    clock.after(2, () => {
      clock.after(2, note('after'));
      clock.inBackground(3, note('background'));
    });
    runUntil(time, 100);
    expect(ran).toEqual(['4 after', '5 background']);
  });

  it('schedules one action for all that is in the background', () => {
    const { scheduler, clock, note } = createClock();
    for (let i = 9; i > 0; i--) clock.inBackground(i, note('b'));
    expect(scheduler.pending).toBe(1);
    clock.after(5, note('a'));
    expect(scheduler.pending).toBe(2);
  });

  it('never asks for more than timers take', () => {
    const { scheduler, clock, note } = createClock();
    clock.after(2 ** 40, note('a'));
    clock.inBackground(2 ** 40, note('b'));
    clock.inBackground(Infinity, note('c'));
    expect(Math.max(...scheduler.delays)).toBe(2 ** 31 - 1);
  });

  describe('soon', () => {
    it('calls back in a microtask, or in the frame that comes first, once', async () => {
      const { time, scheduler, clock, ran, note } = createClock();
      clock.soon(note('first'));
      expect(ran).toEqual([]);
      await Promise.resolve();
      expect(ran).toEqual(['0 first']);
      expect(scheduler.pending).toBe(0);
      time.schedule(() => clock.soon(note('second')), 5);
      time.flush();
      expect(ran).toEqual(['0 first', '5 second']);
      await Promise.resolve();
      expect(ran).toHaveLength(2);
    });

    it('schedules nothing where time is real', async () => {
      const schedule = vi.spyOn(asyncScheduler, 'schedule');
      const clock = schedulerClock(asyncScheduler, new ExpiryQueue(asyncScheduler));
      const soon = vi.fn();
      clock.soon(soon);
      expect(soon).not.toHaveBeenCalled();
      await Promise.resolve();
      expect(soon).toHaveBeenCalledTimes(1);
      expect(schedule).not.toHaveBeenCalled();
      schedule.mockRestore();
    });

    it.each<[string, SchedulerLike]>([
      ['queueScheduler', queueScheduler],
      ['asapScheduler', asapScheduler],
    ])('calls back once on the %s', async (_, scheduler) => {
      const clock = schedulerClock(scheduler, new ExpiryQueue(scheduler));
      const soon = vi.fn();
      clock.soon(soon);
      for (let i = 0; i < 5; i++) await Promise.resolve();
      expect(soon).toHaveBeenCalledTimes(1);
    });
  });

  it('calls nobody back once it was stopped, and leaves nothing scheduled', async () => {
    const { time, scheduler, clock, ran, note } = createClock();
    const ask = (): void => {
      clock.after(1, note('after'));
      clock.inBackground(1, note('background'));
      clock.soon(note('soon'));
    };
    ask();
    clock.stop();
    ask();
    clock.stop();
    expect(scheduler.pending).toBe(0);
    await Promise.resolve();
    runUntil(time, 100);
    expect(ran).toEqual([]);
  });
});
