import type { Hint } from './engines/engine.js';
import { ended, notFound, StreamError } from './errors.js';
import type { Head, StoredOutcome } from './log/head.js';
import type { Answer } from './log/group.js';
import type { StreamStatus } from './log/outcome.js';
import { takenOver } from './log/producers.js';
import type { LogWriter } from './log/reading.js';
import { offsetOf } from './log/segments.js';
import type { Streams } from './log/streams.js';
import { type Offset, START } from './offset.js';

/** The input that writes a stream, as far as its stream has to know it. */
export interface StreamWriter {
  readonly id: string;
  readonly nonce: string;
  /** Whether it has ended the stream, or left it, itself, answered or not. */
  readonly left: boolean;
  /** Whether it is of no use any more. */
  readonly released: boolean;
  /** It is asked to end the stream soon. */
  stopRequested(error: StreamError): void;
  /** It can write no more, for a reason that is not its own. */
  die(error: StreamError, status?: StreamStatus): void;
}

/** The stream of an input, as the input knows it: by what it was answered, and by what it hears of others. */
export class InputStream implements LogWriter {
  /** The stream as it was after what was acknowledged last. */
  head: Head | undefined;
  /** The stop that is pending. */
  stopping: StreamError | undefined;
  /** The place of what was acknowledged last. */
  #position = 0;
  #tag = 0;
  #stopBeating: (() => void) | undefined;
  /** What waits for the reason why the input can't go on, while that is being asked for. */
  #losing: (() => void)[] | undefined;

  constructor(
    private readonly writer: StreamWriter,
    private readonly streams: Streams,
    /** The error of a stored outcome. */
    private readonly errorOf: (outcome: StoredOutcome) => StreamError | undefined,
  ) {}

  /** The offset of what was acknowledged last. */
  get tail(): Offset {
    return this.head === undefined ? START : offsetOf(this.head, this.#position, this.#tag);
  }

  /** The input's claim is carried out. */
  claimed(head: Head, { position, tag }: Answer): void {
    const { writer, streams } = this;
    this.head = head;
    this.#position = position;
    this.#tag = tag;
    streams.followers.write(this, writer.id, head.generation);
    if (!writer.released) this.#stopBeating = streams.leases.beat(writer.id, head);
  }

  /** Something that the input has written is stored. */
  stored(head: Head | undefined, position: number, tag: number): void {
    // A callback may have written, and been answered, before.
    if (head === undefined || position <= this.#position) return;
    this.head = head;
    this.#position = position;
    this.#tag = tag;
  }

  /** The input is of no use any more. */
  released(): void {
    this.#stopBeating?.();
    this.streams.followers.release(this, this.writer.id);
  }

  /** A hint: only of what others do is there anything to learn. */
  hinted({ owner, gone, stopping, ended: isOver }: Hint): void {
    const { writer } = this;
    const isNews = (stopping && this.stopping === undefined) || (isOver && !writer.left);
    if (gone || owner !== writer.nonce || isNews) this.#look();
  }

  /** The stream as it is, or was; `undefined` if its life is over. */
  seen(head: Head | undefined): void {
    const { writer } = this;
    if (writer.released) {
      // It was over before the stream began to be watched.
      this.released();
    } else if (head === undefined || head.generation !== this.head?.generation) {
      writer.die(notFound(writer.id));
    } else if (head.n < this.head.n) {
      // It was looked at before what is known.
    } else if (head.owner?.nonce !== writer.nonce) {
      writer.die(takenOver());
    } else if (head.status !== 'open') {
      if (!writer.left) this.refused(ended(writer.id), () => undefined);
    } else if (head.facts.stop !== undefined) {
      const { at, reason } = head.facts.stop;
      this.stopping ??= new StreamError('CANCELLED', reason);
      // Whoever asked for it may be gone by then.
      this.streams.sweeper.expect(at);
      writer.stopRequested(this.stopping);
    }
  }

  /** Nothing is known any more. */
  lost(error: StreamError): void {
    this.writer.die(error);
    this.#goOn();
  }

  /** Makes true by the clock what is due, where that can be known at once. */
  settle(): void {
    if (this.streams.engine.features.synchronous && this.head !== undefined) this.#look();
  }

  /** A request was refused, or the stream has ended: the input dies, once it is known why, and then goes on. */
  refused(error: StreamError, then: () => void): void {
    if (error.code !== 'FAILED_PRECONDITION') {
      this.writer.die(error);
      then();
      return;
    }
    const isAsking = this.#losing !== undefined;
    (this.#losing ??= []).push(then);
    if (isAsking) return;
    const { id } = this.writer;
    const over = (reason: StreamError, status?: StreamStatus): void => {
      this.writer.die(reason, status);
      this.#goOn();
    };
    this.streams.outcome(id, this.head?.generation ?? 0, {
      done: (outcome) => {
        if (outcome === undefined) over(notFound(id));
        else over(this.errorOf(outcome) ?? error, outcome.type);
      },
      failed: over,
    });
  }

  #goOn(): void {
    for (const then of this.#losing?.splice(0) ?? []) then();
  }

  #look(): void {
    const { streams, head, writer } = this;
    streams.log.look(
      writer.id,
      (loaded) => {
        const isOurs = loaded?.head.generation === head?.generation && !loaded?.head.facts.deleted;
        this.seen(isOurs ? loaded?.head : undefined);
      },
      (error) => {
        this.lost(error);
      },
    );
  }
}
