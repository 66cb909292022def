import type { Commit, Entry, Loaded, Payload, ReadRequest } from '../../engines/engine.js';
import { printed, StreamError, toStreamError } from '../../errors.js';
import { payloadBytes } from '../../log/bytes.js';
import { type Head, PART } from '../../log/head.js';
import type { Kind } from '../content.js';
import type { AnyStream } from './registry.js';
import { kindOfHead, payloadOf, storedOutcomeOf } from './values.js';

const NO_ENTRIES: readonly Entry[] = [];

/**
 * What HTTP has of one life of an in-memory stream, beside the stream itself: its head and parts, and of its chunks the
 * texts that came, or were given, over HTTP. What is written in the process makes a version too, when it is looked at.
 */
export class Life {
  readonly parts = new Map<string, unknown>();
  /** The chunks of a stream that is gone for everybody but its forks. */
  #kept: readonly unknown[] | undefined;
  #head: Head;
  /** By position, where a chunk has a text that is not the chunk itself: it stays the same whatever becomes of the value. */
  readonly #texts: (string | undefined)[] = [];

  constructor(readonly stream: AnyStream) {
    const { generation, status, length, lifetime } = stream;
    const { createdAt, endedAt } = stream.head();
    this.#head = {
      generation,
      n: 1,
      status,
      tail: length,
      tag: 0,
      bytes: 0,
      owner: undefined,
      usedAt: 0,
      sequence: undefined,
      writers: 0,
      facts: { nonce: '', createdAt, lifetime, references: 0, ...(endedAt !== undefined && { endedAt }) },
    };
  }

  /** The head as it is now. */
  get head(): Head {
    const { stream } = this;
    const head = this.#head;
    const { status, length, lifetime } = stream;
    const { facts } = head;
    const isSame = status === head.status && length === head.tail && lifetime === facts.lifetime;
    if (isSame || this.#kept !== undefined) return head;
    const { endedAt } = stream.head();
    return (this.#head = {
      ...head,
      n: head.n + 1,
      status,
      tail: length,
      facts:
        status === head.status && lifetime === facts.lifetime
          ? facts
          : { ...facts, lifetime, ...(endedAt !== undefined && { endedAt }) },
    });
  }

  /** The stream as an engine gives it. */
  loaded(names: readonly string[] = [], prefix?: string): Loaded {
    const { head, stream } = this;
    const parts: Record<string, unknown> = {};
    for (const name of names) if (this.parts.has(name)) parts[name] = this.parts.get(name);
    if (prefix !== undefined) {
      for (const [name, part] of this.parts) if (name.startsWith(prefix)) parts[name] = part;
    }
    if (head.status !== 'open' && names.includes(PART.outcome))
      parts[PART.outcome] = storedOutcomeOf(stream.end);
    const soft = {
      usedAt: stream.usedAt ?? -Infinity,
      beat: 0,
      readers: stream.observed ? 1 : 0,
      dueAt: Infinity,
    };
    return { head, soft, parts };
  }

  /** Takes what is about to be true of the stream. */
  take({ parts }: Pick<Commit, 'parts'>, head: Head, payloads: readonly Payload[]): void {
    this.#head = { ...head, generation: this.#head.generation };
    for (const name in parts) {
      const part = parts[name];
      if (part === undefined) this.parts.delete(name);
      else if (name !== PART.outcome) this.parts.set(name, part);
    }
    if (this.#kind !== 'json') return;
    const first = head.tail - payloads.length;
    for (const [i, payload] of payloads.entries()) {
      if (typeof payload === 'string') this.#keepText(first + i, payload);
    }
  }

  /** The stream will go, and is kept for its forks from now on. */
  keep(head: Head): void {
    this.#head = head;
    this.#kept = this.stream.log;
  }

  /** Whether the stream is gone for everybody but its forks. */
  get isKept(): boolean {
    return this.#kept !== undefined;
  }

  /** All chunks as the process has them. */
  get chunks(): readonly unknown[] {
    return this.#kept ?? this.stream.log;
  }

  /** Chunks after a position, as they are given over HTTP. Throws `INTERNAL` if the first of them can't be. */
  page({ position, until, maxBytes, maxChunks }: Omit<ReadRequest, 'id' | 'generation'>): readonly Entry[] {
    const end = Math.min(this.chunks.length, until);
    const chunks: Payload[] = [];
    let bytes = 0;
    for (let i = position; i < end && bytes < maxBytes && chunks.length < maxChunks; i++) {
      let payload: Payload;
      try {
        payload = this.#payload(i);
      } catch (error) {
        // Whoever reads gets what is before it.
        if (chunks.length > 0) break;
        throw error;
      }
      chunks.push(payload);
      bytes += payloadBytes(payload);
    }
    return chunks.length === 0 ? NO_ENTRIES : [{ position, chunks, bytes, tag: 0, previous: 0 }];
  }

  /** The entry with one chunk; `undefined` if it can't be given. */
  entryAt(position: number): readonly Entry[] | undefined {
    try {
      return this.page({ position, until: position + 1, maxBytes: 1, maxChunks: 1 });
    } catch {
      return undefined;
    }
  }

  get #kind(): Kind {
    return kindOfHead(this.#head);
  }

  #payload(index: number): Payload {
    const text = this.#texts[index];
    if (text !== undefined) return text;
    const value = this.chunks[index];
    let payload: Payload;
    try {
      payload = payloadOf(this.#kind, value);
    } catch (cause) {
      const message = `Chunk ${index} of the stream ${printed(this.stream.id)} can't be given over HTTP: ${toStreamError(cause).message}`;
      throw new StreamError('INTERNAL', message, { cause });
    }
    if (payload !== value) this.#keepText(index, payload as string);
    return payload;
  }

  #keepText(index: number, text: string): void {
    const texts = this.#texts;
    // No holes: an array with large ones becomes a table.
    while (texts.length < index) texts.push(undefined);
    texts[index] = text;
  }
}
