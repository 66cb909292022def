import type { Parts, Payload } from '../engines/engine.js';
import { invalid, printed, StreamError } from '../errors.js';
import { utf8Length } from './bytes.js';
import {
  type Facts,
  type Head,
  headWith,
  MAX_TEXT_BYTES,
  PART,
  type Soft,
  type StoredOutcome,
} from './head.js';
import type { Precision } from './time.js';

/** What a decision is made on: a stream as it is. */
export interface State {
  readonly head: Head;
  readonly soft: Soft;
  /** The parts that the command needs ({@link partsOf}), and perhaps more. */
  readonly parts: ReadonlyMap<string, unknown>;
}

/** What holds for all streams of a manager. */
export interface Rules extends Precision {
  /** Whether commits are tagged. */
  readonly tagged: boolean;
  readonly maxChunks: number;
  readonly maxBytes: number;
}

/** What a command does to a stream. */
export type Decision =
  /** It is to be stored whole. */
  | {
      readonly type: 'change';
      readonly head: Head;
      readonly parts: Parts | undefined;
      readonly chunks: readonly Payload[];
      /** The position and the tag before the chunks. */
      readonly position: number;
      readonly previous: number;
    }
  | { readonly type: 'removal' }
  /** It was carried out before, or there is nothing to do. */
  | {
      readonly type: 'nothing';
      readonly duplicate: boolean;
    }
  | { readonly type: 'refusal'; readonly error: StreamError };

export const NO_CHUNKS: readonly Payload[] = [];

export const SETTLED: Decision = { type: 'nothing', duplicate: false };
export const DUPLICATE: Decision = { type: 'nothing', duplicate: true };

export const refuse = (error: StreamError): Decision => ({ type: 'refusal', error });

export const change = (head: Head, outcome?: StoredOutcome): Extract<Decision, { type: 'change' }> => ({
  type: 'change',
  head,
  parts: outcome && { [PART.outcome]: outcome },
  chunks: NO_CHUNKS,
  position: head.tail,
  previous: head.tag,
});

/** The next version with other facts. */
export const withFacts = (head: Head, facts: Partial<Facts>): Head =>
  headWith(head, { n: head.n + 1, facts: { ...head.facts, ...facts } });

/** The same version, ended. */
export function endedBy(head: Head, outcome: StoredOutcome, at: number): Head {
  // A stop that was pending is over.
  const { stop: _, ...facts } = head.facts;
  return headWith(head, { status: outcome.type, facts: { ...facts, endedAt: at } });
}

export const over = (head: Head, outcome: StoredOutcome, at: number): Decision =>
  change(headWith(endedBy(head, outcome, at), { n: head.n + 1 }), outcome);

export function limit(
  id: string,
  { maxChunks, maxBytes }: Rules,
  chunks: number,
  bytes: number,
): StreamError | undefined {
  const full = chunks > maxChunks ? 'maxChunks' : bytes > maxBytes ? 'maxBytes' : undefined;
  if (full === undefined) return undefined;
  const most = full === 'maxChunks' ? maxChunks : maxBytes;
  return new StreamError('RESOURCE_EXHAUSTED', `The stream ${printed(id)} is full: ${full} is ${most}.`, {
    details: { limit: full },
  });
}

export const fitsHead = (text: string): boolean => utf8Length(JSON.stringify(text)) <= MAX_TEXT_BYTES;

export const tooLong = (what: string): StreamError =>
  invalid(`The ${what} is too long: as JSON it may have ${MAX_TEXT_BYTES} bytes.`);
