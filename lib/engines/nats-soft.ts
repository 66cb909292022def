import type { Move, Touch } from './engine.js';
import { dueAtOf, encodeSoft, type Look, look, type SoftRecord } from './nats-look.js';
import type { Known } from './nats-record.js';
import type { NatsStore } from './nats-store.js';

/** Raises when streams were used last, and their beats. */
export const touch = async (store: NatsStore, touches: readonly Touch[]): Promise<void> => {
  await Promise.all(
    touches.map(({ id, generation, usedAt = -Infinity, beat = -Infinity }) =>
      change(store, id, generation, (soft) =>
        usedAt > soft.usedAt || beat > soft.beat
          ? { ...soft, usedAt: Math.max(usedAt, soft.usedAt), beat: Math.max(beat, soft.beat) }
          : undefined,
      ),
    ),
  );
};

/** Moves streams in the index of deadlines; `insert` puts one there before it is known to be there. */
export const schedule = async (
  store: NatsStore,
  moves: readonly Move[],
  insert: (id: string, dueAt: number) => Promise<void>,
): Promise<void> => {
  await Promise.all(
    moves.map(({ id, generation, from, to }) =>
      change(store, id, generation, async (soft, seen, known) => {
        if (dueAtOf(seen) !== from || from === to) return undefined;
        await insert(id, to);
        return { ...soft, dueAt: to, dueN: known.dueN };
      }),
    ),
  );
};

/** Changes what is beside a life of a stream, if it is there, again until nobody has changed it meanwhile. */
async function change(
  store: NatsStore,
  id: string,
  generation: number,
  make: (
    soft: SoftRecord,
    seen: Look,
    known: Known,
  ) => SoftRecord | undefined | Promise<SoftRecord | undefined>,
): Promise<void> {
  const until = store.deadline();
  for (;;) {
    const seen = await look(store, id);
    const { known, soft, softSeq } = seen;
    if (known?.head.generation !== generation) return;
    const before = soft ?? { generation, usedAt: -Infinity, beat: 0, dueAt: known.dueAt, dueN: known.dueN };
    const after = await make(before, seen, known);
    if (after === undefined) return;
    const result = await store.publish(store.keys.softSubject(id), encodeSoft(after), softSeq);
    if (result.type === 'refused') throw result.error;
    if (result.type === 'stored') return;
    // It can be made again.
    if (result.type === 'unanswered' && performance.now() > until) throw result.error;
  }
}
