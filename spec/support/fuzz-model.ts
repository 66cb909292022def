import type { View } from './fuzz-program.js';

/**
 * What the design promises of a stream and its readers, as checks over what was seen. It is written apart from the
 * library, and knows nothing of how chunks are dispatched: a log grows when a write is *called*, every reader has a
 * position in it, and what may be seen next follows from these two.
 */

/** Which promise was broken; a harness for something that never promised one can leave it out. */
export type Rule =
  'order' | 'loss' | 'end' | 'left' | 'early' | 'event' | 'status' | 'answer' | 'unhandled' | 'teardown';

export interface Violation {
  readonly rule: Rule;
  readonly text: string;
}

export type Outcome =
  { readonly type: 'done'; readonly output?: string } | { readonly type: 'error'; readonly code: string };

/** The first violation of a program is kept: thrown inside a callback, it would only reach an error handler. */
export class Verdict {
  violation: Violation | undefined;

  constructor(private readonly tolerated: ReadonlySet<Rule>) {}

  fail(rule: Rule, text: string): void {
    if (!this.tolerated.has(rule)) this.violation ??= { rule, text };
  }
}

/** One life of a stream. */
export class ModelStream {
  readonly log: number[] = [];
  readonly readers: ModelReader[] = [];
  end: Outcome | undefined;
  /** The code that cuts every reader: the stream was deleted, or its manager closed. */
  gone: string | undefined;
  /** How many callbacks of its readers are running. Outside of them nothing may be left undelivered. */
  running = 0;
  /** How many calls on it are running; when none is, everybody has had everything. */
  calls = 0;
  /** The first position whose write was made inside a callback and has not returned: nobody may have seen it. */
  hiddenFrom = Infinity;
  /** The same of its end. */
  hiddenEnd = false;
  private readonly offsets: (string | undefined)[] = [];

  constructor(
    readonly name: string,
    private readonly verdict: Verdict,
  ) {}

  get status(): 'open' | 'done' | 'error' {
    return this.end?.type ?? 'open';
  }

  /** Makes a write with `call`, and holds that nobody sees it before `call` returns. */
  writing<T>(chunk: number, call: () => T): T {
    const before = this.hiddenFrom;
    if (this.running > 0) this.hiddenFrom = Math.min(before, this.log.length);
    this.log.push(chunk);
    const result = call();
    this.hiddenFrom = before;
    return result;
  }

  /** The same of an end. */
  ending<T>(end: Outcome, call: () => T): T {
    if (this.running > 0) this.hiddenEnd = true;
    this.end = end;
    const result = call();
    this.hiddenEnd = false;
    return result;
  }

  /** One offset for a position, whoever sees it, and in the order of positions. */
  sawOffset(position: number, offset: string): void {
    const known = this.offsets[position];
    if (known === offset) return;
    if (known !== undefined) {
      this.verdict.fail('event', `position ${position} of ${this.name} has offsets ${known} and ${offset}`);
    }
    this.offsets[position] = offset;
    let last = '';
    for (const next of this.offsets) {
      if (next === undefined) continue;
      if (next <= last) this.verdict.fail('event', `offsets of ${this.name} don't grow: ${last}, ${next}`);
      last = next;
    }
  }
}

/** What a subscriber asked for, with what its look-up must have found at that moment. */
export interface Reading {
  readonly view: View;
  /** Absent while it waits for its stream to be opened, or if the look-up failed. */
  readonly stream?: ModelStream | undefined;
  readonly refusal?: string | undefined;
  readonly position: number;
  /** It completes by itself after so many chunks. */
  readonly limit: number;
  readonly handlesEnd: boolean;
}

interface SeenEvent {
  readonly type: string;
  readonly chunk?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
  readonly offset: string;
  readonly replay?: boolean;
}

/** The canonical code that an error has, as the outcome of a stream. */
export const codeOf = (error: unknown): string => (error as { code?: string } | undefined)?.code ?? 'UNKNOWN';

export class ModelReader {
  stream: ModelStream | undefined;
  refusal: string | undefined;
  /** How it was told the end: `'complete'`, or an error's code. */
  ended: string | undefined;
  left = false;
  /** It handles no end, and was cut when nobody could see whether it had been told one. */
  unsure = false;
  teardowns = 0;
  private readonly view: View;
  private readonly start: number;
  position: number;
  private readonly limit: number;
  private readonly handlesEnd: boolean;
  private writtenBefore = 0;
  private statusAtFirst = 'open';
  /** The value that tells the end (an event, the output, a status) has come. */
  private toldEnd = false;
  private values = 0;

  constructor(
    readonly name: string,
    reading: Reading,
    private readonly verdict: Verdict,
  ) {
    this.view = reading.view;
    this.start = this.position = reading.position;
    this.limit = reading.limit;
    this.handlesEnd = reading.handlesEnd;
    this.refusal = reading.refusal;
    if (reading.stream !== undefined) this.join(reading.stream);
  }

  /** Finds its stream: when it subscribes or, if it waits, when the stream is opened. */
  join(stream: ModelStream): void {
    this.stream = stream;
    this.writtenBefore = stream.log.length;
    this.statusAtFirst = stream.status;
    stream.readers.push(this);
  }

  sawNext(value: unknown): void {
    this.values++;
    if (this.mayNotSee(value)) return;
    const stream = this.stream!;
    if (this.view === 'chunks') this.sawChunk(stream, value);
    else if (this.view === 'events') this.sawEvent(stream, value as SeenEvent);
    else if (this.view === 'output') this.sawOutput(stream, value);
    else this.sawStatus(stream, value);
  }

  sawError(error: unknown): void {
    this.sawEnd(codeOf(error));
  }

  sawComplete(): void {
    this.sawEnd('complete');
  }

  /** A reader that handles no end was told it, as far as can be seen, if its subscription is closed. */
  noticeEnd(closed: boolean): void {
    if (closed && !this.left && !this.handlesEnd) this.ended ??= this.ends()[0];
  }

  /** What must hold whenever nothing is being dispatched. */
  settle(closed: boolean): void {
    this.noticeEnd(closed);
    if (closed !== (this.teardowns === 1))
      this.fail('teardown', `closed: ${closed}, torn down ${this.teardowns} times`);
    if (this.left) return;
    const [end] = this.ends();
    if (end !== undefined && this.ended === undefined) this.fail('end', `was never told ${end}`);
    if (closed !== (end !== undefined)) this.fail('end', `closed: ${closed}, but its end is ${end}`);
    const stream = this.stream;
    if (stream === undefined || stream.gone !== undefined || this.isFull) return;
    const follows = this.view === 'chunks' || this.view === 'events';
    if (follows && this.position < stream.log.length) {
      this.fail(
        'loss',
        `was given ${this.position - this.start} of ${stream.log.length - this.start} chunks`,
      );
    }
    if (this.view === 'status' && this.values === 0) this.fail('status', 'has no status');
  }

  /** The code of the error that reaches nobody, of a reader that handles none. */
  get unhandledCode(): string | undefined {
    return this.handlesEnd || this.ended === 'complete' ? undefined : this.ended;
  }

  private get isFull(): boolean {
    return this.position - this.start >= this.limit;
  }

  /** The ends that would be right now. Two, if it was cut inside the callback of its last value. */
  private ends(): [end?: string, or?: string] {
    const gone = this.stream?.gone ?? this.refusal;
    if (this.isFull || this.toldEnd) return ['complete', gone ?? 'complete'];
    if (gone !== undefined) return [gone];
    const end = this.stream?.end;
    if (end === undefined) return [];
    return [end.type === 'done' || this.view === 'events' || this.view === 'status' ? 'complete' : end.code];
  }

  private mayNotSee(what: unknown): boolean {
    if (this.left) this.fail('left', `saw ${print(what)} after it had unsubscribed`);
    else if (this.ended !== undefined) this.fail('end', `saw ${print(what)} after ${this.ended}`);
    else if (this.refusal !== undefined) this.fail('answer', `saw ${print(what)} instead of ${this.refusal}`);
    else if (this.stream === undefined)
      this.fail('answer', `saw ${print(what)} of a stream that is not open`);
    else if (this.stream.gone !== undefined) this.fail('end', `saw ${print(what)} after ${this.stream.gone}`);
    else return false;
    return true;
  }

  private sawChunk(stream: ModelStream, chunk: unknown): void {
    const next = stream.log[this.position];
    if (this.toldEnd) this.fail('end', `saw ${print(chunk)} after the end`);
    if (chunk !== next)
      this.fail('order', `saw ${print(chunk)} and not ${next}, of [${stream.log.join(' ')}]`);
    if (this.isFull) this.fail('end', `saw ${print(chunk)} after the last chunk it wanted`);
    if (this.position >= stream.hiddenFrom)
      this.fail('early', `saw ${print(chunk)} before its write returned`);
    this.position++;
  }

  private sawEvent(stream: ModelStream, event: SeenEvent): void {
    if (event.type === 'chunk') {
      const replay = this.position < this.writtenBefore;
      if (event.replay !== replay)
        this.fail('event', `saw replay: ${event.replay} of chunk ${print(event.chunk)}`);
      this.sawChunk(stream, event.chunk);
    } else {
      const end = stream.end;
      const right =
        event.type === 'done'
          ? end?.type === 'done' && event.output === end.output && 'output' in event === 'output' in end
          : end?.type === 'error' && codeOf(event.error) === end.code;
      if (!right) this.fail('end', `saw ${print(event)}, but the end is ${print(end)}`);
      this.sawOutcome(stream, event);
    }
    stream.sawOffset(this.position, event.offset);
  }

  private sawOutput(stream: ModelStream, output: unknown): void {
    const end = stream.end;
    if (end?.type !== 'done' || !('output' in end) || output !== end.output) {
      this.fail('end', `saw output ${print(output)}, but the end is ${print(end)}`);
    }
    this.sawOutcome(stream, output);
  }

  private sawStatus(stream: ModelStream, status: unknown): void {
    const expected = this.values === 1 ? this.statusAtFirst : stream.status;
    const again = this.values > 1 && expected === this.statusAtFirst;
    if (status !== expected || again) this.fail('status', `saw status ${print(status)} and not ${expected}`);
    if (status !== 'open') this.sawOutcome(stream, status);
  }

  private sawOutcome(stream: ModelStream, what: unknown): void {
    if (this.toldEnd) this.fail('end', `saw ${print(what)}, a second end`);
    if (stream.hiddenEnd && this.statusAtFirst === 'open')
      this.fail('early', `saw ${print(what)} before it returned`);
    this.holdsAll(stream, what);
    this.toldEnd = true;
  }

  private sawEnd(how: string): void {
    const stream = this.stream;
    if (this.left) this.fail('left', `saw ${how} after it had unsubscribed`);
    if (this.ended !== undefined) this.fail('end', `saw ${how} after ${this.ended}`);
    if (!this.ends().includes(how)) this.fail('end', `saw ${how}, but its end is ${this.ends()[0]}`);
    this.ended = how;
    if (stream?.end === undefined || stream.gone !== undefined || this.isFull) return;
    if (stream.hiddenEnd) this.fail('early', `saw ${how} before it returned`);
    this.holdsAll(stream, how);
    const hasValue = this.view === 'output' ? 'output' in stream.end : this.view !== 'chunks';
    if (hasValue && !this.toldEnd) this.fail('end', `saw ${how} without the end's value`);
  }

  private holdsAll(stream: ModelStream, end: unknown): void {
    const follows = this.view === 'chunks' || this.view === 'events';
    if (follows && this.position < stream.log.length) {
      this.fail('loss', `saw ${print(end)} after ${this.position} of [${stream.log.join(' ')}]`);
    }
  }

  private fail(rule: Rule, text: string): void {
    this.verdict.fail(rule, `${this.name} ${text}`);
  }
}

/** A producer's side: what a call on it must answer, and what `failed` must tell. */
export class ModelInput {
  /** It ended its stream, or closed. */
  released = false;
  /** It was called after that. */
  misused = false;
  /** The code that `failed` must emit. */
  failure: string | undefined;
  private readonly emitted: string[] = [];
  private completed = false;

  constructor(
    readonly name: string,
    readonly stream: ModelStream,
    private readonly verdict: Verdict,
  ) {}

  get canWrite(): boolean {
    return !this.released && this.failure === undefined;
  }

  /** It can write no more, for a reason other than its own end. */
  fail(code: string): void {
    if (this.canWrite) this.failure = code;
  }

  sawFailed(error: unknown): void {
    this.emitted.push(codeOf(error));
    if (this.completed)
      this.verdict.fail('answer', `${this.name}.failed emitted ${codeOf(error)} after its end`);
  }

  sawFailedComplete(): void {
    if (this.completed) this.verdict.fail('answer', `${this.name}.failed completed twice`);
    this.completed = true;
  }

  settle(): void {
    const expected = this.failure ?? '';
    if (this.emitted.join() !== expected) {
      this.verdict.fail(
        'answer',
        `${this.name}.failed emitted "${this.emitted.join()}" and not "${expected}"`,
      );
    }
    if (this.completed === this.canWrite) {
      this.verdict.fail(
        'answer',
        `${this.name}.failed completed: ${this.completed}, can write: ${this.canWrite}`,
      );
    }
  }
}

function print(value: unknown): string {
  return value instanceof Error ? codeOf(value) : JSON.stringify({ value }).slice(9, -1);
}
