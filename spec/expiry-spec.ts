import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import fc from 'fast-check';
import { asyncScheduler, type Subscription, VirtualTimeScheduler } from 'rxjs';
import { build } from 'tsup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Expiring, ExpiryQueue } from '../lib/expiry.js';
import { RecordingScheduler, runUntil } from './support/schedulers.js';

const createItem = (expire: (now: number) => void = () => {}): Expiring => ({
  deadline: Infinity,
  slot: -1,
  expire,
});

/** What is done to a queue. A `delay` is from now, and may be in the past. */
type Step =
  | { readonly does: 'set'; readonly item: number; readonly delay: number }
  | { readonly does: 'remove'; readonly item: number }
  | { readonly does: 'sweep' };

const ITEMS = 8;

const step = fc.oneof(
  fc.record({
    does: fc.constant('set' as const),
    item: fc.nat(ITEMS - 1),
    delay: fc.integer({ min: -2, max: 12 }),
  }),
  fc.record({ does: fc.constant('remove' as const), item: fc.nat(ITEMS - 1) }),
  fc.record({ does: fc.constant('sweep' as const) }),
);

/** Steps from outside, each after some time, and steps that are made inside of `expire`, one per call. */
const program = fc.record({
  steps: fc.array(fc.tuple(step, fc.integer({ min: 0, max: 6 })), { maxLength: 40, size: 'max' }),
  reactions: fc.array(step, { maxLength: 10 }),
});

/** A queue beside a list of what is in it, which is searched from end to end each time. */
class Modelled {
  readonly clock = new VirtualTimeScheduler();
  readonly scheduler = new RecordingScheduler(this.clock);
  readonly queue = new ExpiryQueue(this.scheduler);
  readonly model = new Map<Expiring, { deadline: number; setAt: number }>();
  readonly #items = Array.from({ length: ITEMS }, () => {
    const item = createItem((now) => {
      this.#expired(item, now);
    });
    return item;
  });
  readonly #reactions: Step[];

  constructor(
    reactions: readonly Step[],
    private readonly onExpire: (due: { deadline: number; setAt: number }) => void = () => {},
  ) {
    this.#reactions = [...reactions];
  }

  get next(): number {
    return Math.min(Infinity, ...[...this.model.values()].map(({ deadline }) => deadline));
  }

  do(step: Step): void {
    if (step.does === 'sweep') {
      this.queue.sweep();
      return;
    }
    const item = this.#items[step.item]!;
    if (step.does === 'set') {
      const setAt = this.clock.now();
      const deadline = setAt + step.delay;
      this.model.set(item, { deadline, setAt });
      this.queue.set(item, deadline);
    } else {
      this.model.delete(item);
      this.queue.set(item, Infinity);
    }
  }

  /** What holds whenever the queue has returned. */
  check(): void {
    expect(this.#items.map(({ deadline }) => deadline)).toEqual(
      this.#items.map((item) => this.model.get(item)?.deadline ?? Infinity),
    );
    expect(this.scheduler.pending).toBe(this.model.size === 0 ? 0 : 1);
  }

  #expired(item: Expiring, now: number): void {
    const due = this.model.get(item);
    expect(now).toBe(this.clock.now());
    expect(due).toBeDefined();
    expect(due?.deadline).toBe(this.next);
    expect(due?.deadline).toBeLessThanOrEqual(now);
    expect(item).toMatchObject({ deadline: Infinity, slot: -1 });
    this.model.delete(item);
    this.onExpire(due!);
    const reaction = this.#reactions.shift();
    if (reaction !== undefined) this.do(reaction);
  }
}

describe('ExpiryQueue', () => {
  it('hands out what is due, and only that, in the order of the deadlines, whatever is done meanwhile', () => {
    fc.assert(
      fc.property(program, ({ steps, reactions }) => {
        const modelled = new Modelled(reactions);
        for (const [step, pause] of steps) {
          modelled.do(step);
          modelled.check();
          if (step.does === 'sweep') expect(modelled.next).toBeGreaterThan(modelled.clock.now());
          // The clock goes on without its actions, as where timers are late.
          modelled.clock.frame += pause;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('hands out everything by itself at its deadline, or at once if that has passed', () => {
    fc.assert(
      fc.property(program, ({ steps, reactions }) => {
        const modelled = new Modelled(reactions, ({ deadline, setAt }) => {
          expect(modelled.clock.now()).toBe(Math.max(deadline, setAt));
        });
        for (const [step, pause] of steps) {
          modelled.do(step);
          modelled.check();
          runUntil(modelled.clock, modelled.clock.now() + pause);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('has nothing scheduled in the end', () => {
    fc.assert(
      fc.property(program, ({ steps, reactions }) => {
        const modelled = new Modelled(reactions);
        for (const [step] of steps) modelled.do(step);
        modelled.clock.flush();
        modelled.check();
        expect(modelled.scheduler).toMatchObject({ pending: 0 });
        expect(modelled.model.size).toBe(0);
      }),
    );
  });

  it('lets an item enter again while it is handed out, also for the same moment', () => {
    const clock = new VirtualTimeScheduler();
    const queue = new ExpiryQueue(clock);
    const seen: number[] = [];
    const again = [10, 0, 3];
    const item = createItem((now) => {
      seen.push(now);
      const delay = again.shift();
      if (delay !== undefined) queue.set(item, now + delay);
    });
    queue.set(item, 5);
    clock.flush();
    expect(seen).toEqual([5, 15, 15, 18]);
  });

  it('arms again for an earlier deadline, and leaves its action for a later one', () => {
    const scheduler = new RecordingScheduler(new VirtualTimeScheduler());
    const queue = new ExpiryQueue(scheduler);
    const [first, second] = [createItem(), createItem()];
    queue.set(first, 10);
    queue.set(second, 5);
    queue.set(second, 5);
    queue.set(second, 7);
    queue.set(second, 20);
    expect(scheduler.delays).toEqual([10, 5]);
    queue.set(first, Infinity);
    queue.set(second, Infinity);
    expect(scheduler).toMatchObject({ delays: [10, 5], pending: 0 });
  });

  it.each([
    [0, 0],
    [-5, 0],
    [2 ** 31 - 1, 2 ** 31 - 1],
    [2 ** 31, 2 ** 31 - 1],
    [Number.MAX_SAFE_INTEGER, 2 ** 31 - 1],
  ])('schedules what is due at %d with a delay that timers take, %d', (deadline, delay) => {
    const scheduler = new RecordingScheduler(new VirtualTimeScheduler());
    new ExpiryQueue(scheduler).set(createItem(), deadline);
    expect(scheduler.delays).toEqual([delay]);
  });

  it('schedules nothing for what never comes, nor for what was not in it', () => {
    const scheduler = new RecordingScheduler(new VirtualTimeScheduler());
    const queue = new ExpiryQueue(scheduler);
    const item = createItem();
    queue.set(item, Infinity);
    queue.sweep();
    expect(item).toMatchObject({ deadline: Infinity, slot: -1 });
    expect(scheduler.delays).toEqual([]);
  });
});

describe('ExpiryQueue on Node', () => {
  it('finds the timer of an action of the asyncScheduler where it looks for it', () => {
    const action = asyncScheduler.schedule(() => {}, 1_000) as Subscription & {
      id?: Partial<NodeJS.Timeout>;
    };
    expect(action.id?.unref).toBeTypeOf('function');
    expect(action.id?.hasRef?.()).toBe(true);
    action.unsubscribe();
  });

  describe('in a process of its own', () => {
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'expiry-spec-'));
      const entry = fileURLToPath(new URL('../lib/index.ts', import.meta.url));
      await build({
        entry: { lib: entry },
        format: 'esm',
        noExternal: ['rxjs'],
        outDir: folder,
        outExtension: () => ({ js: '.mjs' }),
        config: false,
        silent: true,
      });
    }, 60_000);

    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    it.each([
      ['a finished stream that stays for 5 minutes', "streams.open('s').complete()"],
      ['a lease of an hour', "streams.open('s', { lease: 3_600_000 }).close()"],
      ['a subscriber that waits for an hour', "streams.subscribe('s', { wait: 3_600_000 }).subscribe()"],
    ])(
      'does not keep it alive for %s',
      (_, statement) => {
        const { href } = pathToFileURL(join(folder, 'lib.mjs'));
        const script = `
        import { InMemoryStreamManager } from '${href}';
        const streams = new InMemoryStreamManager();
        ${statement};
        console.log('waiting');
      `;
        const { stdout, stderr, status } = spawnSync(
          process.execPath,
          ['--input-type=module', '-e', script],
          {
            encoding: 'utf8',
            timeout: 20_000,
          },
        );
        expect({ stdout, stderr, status }).toEqual({ stdout: 'waiting\n', stderr: '', status: 0 });
      },
      30_000,
    );
  });
});
