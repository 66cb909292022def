import type { Parts } from '../engines/engine.js';
import { StreamError } from '../errors.js';
import type { Writer } from './command.js';
import { type Head, PART, type ProducerState, type WriterState } from './head.js';

/** How many processes are remembered as writers of one stream. */
export const WRITER_SLOTS = 64;

/** What the writer of an append may do, and what is remembered of it. */
export type Standing =
  | {
      readonly type: 'new';
      readonly parts: Parts | undefined;
      /** Whether it is a process that takes a slot. */
      readonly registers: boolean;
    }
  | { readonly type: 'duplicate' }
  /** Refused, whether the stream has ended or not. */
  | { readonly type: 'fenced'; readonly error: StreamError }
  /** Refused if the stream has not ended. */
  | { readonly type: 'gap'; readonly error: StreamError };

const NEW: Standing = { type: 'new', parts: undefined, registers: false };
const DUPLICATE: Standing = { type: 'duplicate' };

/**
 * Where a writer stands: its next append, a repeated one, one after a gap, or one of a writer that was replaced. The
 * rules for producers are those of Durable Streams, section 5.2.1
 * (https://github.com/durable-streams/durable-streams/blob/main/PROTOCOL.md).
 */
export function standingOf(writer: Writer, head: Head, parts: ReadonlyMap<string, unknown>): Standing {
  switch (writer.type) {
    case 'owner':
      return standingOfOwner(writer, head);
    case 'producer':
      return standingOfProducer(writer, parts.get(PART.producer(writer.id)) as ProducerState | undefined);
    case 'process':
      return standingOfProcess(writer, head, parts);
  }
}

function standingOfOwner(
  { nonce, seq, acknowledged }: Extract<Writer, { type: 'owner' }>,
  { owner }: Head,
): Standing {
  if (owner?.nonce !== nonce) return { type: 'fenced', error: takenOver() };
  if (seq <= owner.seq) return DUPLICATE;
  if (seq === owner.seq + 1) return NEW;
  return {
    type: 'gap',
    error:
      owner.seq < acknowledged
        ? new StreamError(
            'DATA_LOSS',
            `The store has append ${owner.seq} of the input as its last, but had acknowledged ${acknowledged}.`,
          )
        : new StreamError('FAILED_PRECONDITION', 'An append before this one was refused.'),
  };
}

function standingOfProducer(
  { id, epoch, seq }: Extract<Writer, { type: 'producer' }>,
  state: ProducerState | undefined,
): Standing {
  if (state !== undefined && epoch < state.epoch) {
    return {
      type: 'fenced',
      error: new StreamError('ABORTED', `The producer is in epoch ${state.epoch}, not ${epoch}.`, {
        details: { epoch: state.epoch },
      }),
    };
  }
  if (state?.epoch === epoch && seq <= state.seq) return DUPLICATE;
  const expected = state?.epoch === epoch ? state.seq + 1 : 0;
  if (seq === expected) return remembered(PART.producer(id), { epoch, seq });
  return {
    type: 'gap',
    error:
      state === undefined || state.epoch === epoch
        ? new StreamError('FAILED_PRECONDITION', `The producer's next append is ${expected}, not ${seq}.`, {
            details: { expected, received: seq },
          })
        : new StreamError('INVALID_ARGUMENT', `A new epoch must begin with 0, but it begins with ${seq}.`),
  };
}

function standingOfProcess(
  { id, seq, slot }: Extract<Writer, { type: 'process' }>,
  head: Head,
  parts: ReadonlyMap<string, unknown>,
): Standing {
  if (slot === undefined) {
    for (const [name, state] of parts) {
      if (name.startsWith(PART.writers) && (state as WriterState | undefined)?.id === id) {
        return standingInSlot(name, id, seq, state as WriterState);
      }
    }
    // Not known yet: it takes the slot of the oldest.
    return remembered(PART.writer(head.writers % WRITER_SLOTS), { id, seq }, true);
  }
  const name = PART.writer(slot);
  const state = parts.get(name) as WriterState | undefined;
  if (state?.id === id) return standingInSlot(name, id, seq, state);
  return {
    // Also where the stream has ended: that it has would say that this was not stored.
    type: 'fenced',
    error: new StreamError(
      'UNAVAILABLE',
      'So many others have written that it is not known any more whether this append was stored.',
    ),
  };
}

const standingInSlot = (name: string, id: string, seq: number, state: WriterState): Standing =>
  seq <= state.seq ? DUPLICATE : remembered(name, { id, seq });

const remembered = (name: string, state: ProducerState | WriterState, registers = false): Standing => ({
  type: 'new',
  parts: { [name]: state },
  registers,
});

/** The error of an input that was replaced. */
export const takenOver = (): StreamError =>
  new StreamError('ABORTED', 'Another producer has taken over the stream.');
