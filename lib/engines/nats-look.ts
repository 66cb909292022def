import type { Soft } from '../log/head.js';
import type { Loaded } from './engine.js';
import { lost } from './nats-errors.js';
import { type Body, decodeRecord, type Known, pick } from './nats-record.js';
import type { NatsStore } from './nats-store.js';

/** What changes without a version, as it is stored: of one life, and nothing of it is of account in another. */
export interface SoftRecord {
  readonly generation: number;
  readonly usedAt: number;
  readonly beat: number;
  /** A move in the index of deadlines, and the {@link Known.dueN} that it was made upon. */
  readonly dueAt: number;
  readonly dueN: number;
}

/** All that there is of an id but its older messages. */
export interface Look {
  /** The sequence of the last message of its log; 0 if there is none. */
  readonly seq: number;
  /** The stream, if it is there. */
  readonly known: Known | undefined;
  /** The generation of a life that is over and was not swept. */
  readonly over: number | undefined;
  /** The entries of its last message. */
  readonly body: Body | undefined;
  readonly softSeq: number;
  /** What is beside this life of it. */
  readonly soft: SoftRecord | undefined;
}

/** Looks an id up; the newest, unless an old one will do. */
export async function look(store: NatsStore, id: string, mayBeStale = false): Promise<Look> {
  const { keys } = store;
  const [last, beside] = await Promise.all([
    store.last(keys.logStream(id), keys.logSubject(id), mayBeStale),
    store.last(keys.soft, keys.softSubject(id), mayBeStale),
  ]);
  const record = last && decodeRecord(last.data, last.seq);
  const commit = record?.type === 'commit' ? record : undefined;
  const soft = beside && decodeSoft(beside.data);
  return {
    seq: last?.seq ?? 0,
    known: commit?.known,
    over: record?.type === 'tombstone' ? record.generation : undefined,
    body: commit?.body,
    softSeq: beside?.seq ?? 0,
    soft: soft?.generation === commit?.known.head.generation ? soft : undefined,
  };
}

/** Where the index of deadlines has a stream. */
export const dueAtOf = ({ known, soft }: Look): number =>
  (soft?.dueN === known?.dueN ? soft?.dueAt : known?.dueAt) ?? Infinity;

/** A stream as an engine gives it. */
export function loadedOf(seen: Look, names?: readonly string[], prefix?: string): Loaded | undefined {
  const { known, soft } = seen;
  if (known === undefined) return undefined;
  const state: Soft = {
    usedAt: soft?.usedAt ?? -Infinity,
    beat: soft?.beat ?? 0,
    readers: 0,
    dueAt: dueAtOf(seen),
  };
  return { head: known.head, soft: state, parts: pick(known.parts, names, prefix) };
}

/** What changes without a version, as text. JSON has no infinity: it is `null`, whose sign the place tells. */
export const encodeSoft = ({ generation, usedAt, beat, dueAt, dueN }: SoftRecord): string =>
  JSON.stringify([generation, usedAt, beat, dueAt, dueN]);

/** The inverse of {@link encodeSoft}. */
export function decodeSoft(data: Uint8Array): SoftRecord {
  try {
    const [generation, usedAt, beat, dueAt, dueN] = JSON.parse(Buffer.from(data).toString()) as [
      number,
      number | null,
      number,
      number | null,
      number,
    ];
    return { generation, usedAt: usedAt ?? -Infinity, beat, dueAt: dueAt ?? Infinity, dueN };
  } catch {
    throw lost('what is beside a stream');
  }
}
