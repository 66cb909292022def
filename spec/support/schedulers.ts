import type { SchedulerAction, SchedulerLike, Subscription, VirtualTimeScheduler } from 'rxjs';

/** Passes everything on to another scheduler and keeps account of it. */
export class RecordingScheduler implements SchedulerLike {
  /** The delay of every action that was scheduled. */
  readonly delays: number[] = [];
  /** How many actions are scheduled now. */
  pending = 0;
  /** How many were at most. */
  mostPending = 0;
  /** How many have run. */
  ran = 0;

  constructor(
    private readonly scheduler: SchedulerLike,
    /** By how much every action comes late, as timers do under load. */
    private readonly lateness = 0,
  ) {}

  now(): number {
    return this.scheduler.now();
  }

  schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay?: number, state?: T): Subscription;
  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    let counted = true;
    const uncount = (): void => {
      if (counted) this.pending--;
      counted = false;
    };
    const account = (): void => {
      uncount();
      this.ran++;
    };
    this.delays.push(delay);
    this.mostPending = Math.max(this.mostPending, ++this.pending);
    const action = this.scheduler.schedule<T>(
      function (given) {
        account();
        work.call(this, given);
      },
      delay + this.lateness,
      state,
    );
    action.add(uncount);
    return action;
  }
}

/** Runs everything that is due by a frame, and leaves the clock there. */
export function runUntil(clock: VirtualTimeScheduler, frame: number): void {
  clock.schedule(() => {}, frame - clock.frame);
  clock.maxFrames = frame;
  clock.flush();
}
