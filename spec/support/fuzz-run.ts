import type { Observable, Observer } from 'rxjs';

import {
  codeOf,
  ModelInput,
  ModelReader,
  ModelStream,
  type Outcome,
  type Rule,
  Verdict,
  type Violation,
} from './fuzz-model.js';
import { type Action, IDS, type Program, type SubscribeAction } from './fuzz-program.js';
import {
  behind,
  type Callee,
  type InputCallee,
  type ReaderCallee,
  type SeenOffset,
  startOf,
} from './fuzz-readers.js';
import type { System, Writer } from './fuzz-systems.js';
import { checkReports, forgetReports } from './fuzz-unhandled.js';

/** How subscribers are attached: as they are, or behind an operator. Those that `take` are so anyway. */
type Path = 'plain' | 'operator';

export interface RunOptions {
  readonly path: Path;
  readonly tolerated?: readonly Rule[];
  /** Gathers what happened, line by line. */
  readonly trace?: string[];
}

export interface Report {
  readonly violation: Violation | undefined;
  /** How many writes and ends were made inside callbacks of their own stream. */
  readonly nested: number;
  /** How many inputs were used after their own end, which `takeLateReports` has to tell. */
  readonly misused: number;
}

/** Runs a program on a new system and tells the first promise that was broken. */
export function run(program: Program, createSystem: () => System, options: RunOptions): Report {
  return new Run(program, createSystem(), options).run();
}

interface Slot {
  readonly id: string;
  stream?: ModelStream | undefined;
  input?: ModelInput | undefined;
  writer?: Writer | undefined;
}

class Run {
  private readonly slots = IDS.map((id): Slot => ({ id }));
  private readonly readers: ReaderCallee[] = [];
  private readonly inputs: InputCallee[] = [];
  private readonly waiting: { id: string; model: ModelReader }[] = [];
  private readonly offsets: SeenOffset[] = [];
  private readonly thrown: unknown[] = [];
  private readonly verdict: Verdict;
  private readonly trace: string[] | undefined;
  private depth = 0;
  private lastChunk = 0;
  private lives = 0;
  private nested = 0;
  private shut = false;
  /** Which stream is cut first is nobody's promise, so callbacks of the closing write nothing. */
  private shutting = false;

  constructor(
    private readonly program: Program,
    private readonly system: System,
    private readonly options: RunOptions,
  ) {
    this.verdict = new Verdict(new Set(options.tolerated));
    this.trace = options.trace;
  }

  run(): Report {
    forgetReports();
    for (const slot of this.slots) this.open(slot, false);
    for (const step of this.program.steps) {
      this.perform(step, undefined);
      for (const callee of this.readers) this.settle(callee);
      for (const { model } of this.inputs) if (this.system.manager) model.settle();
      if (this.verdict.violation !== undefined) break;
    }
    for (const slot of this.slots) this.checkHead(slot);
    const readers = this.readers.map(({ model }) => model);
    checkReports(this.thrown, readers, this.verdict);
    const misused = this.inputs.filter(({ model }) => model.misused).length;
    return { violation: this.verdict.violation, nested: this.nested, misused };
  }

  private perform(action: Action, self: ReaderCallee | InputCallee | undefined): void {
    if (action.does === 'throw') {
      if (self !== undefined) this.throw(self);
    } else if (action.does === 'unsubscribe') {
      const callee = action.whom === 'self' ? self : this.readers[action.whom];
      if (callee?.who === 'reader') this.unsubscribe(callee);
    } else if (action.does === 'shutdown') {
      if (this.system.manager !== undefined) this.shutdown(this.system.manager);
    } else {
      this.performOn(this.slots[action.stream]!, action);
    }
  }

  private performOn(slot: Slot, action: Action & { stream: number }): void {
    const { manager } = this.system;
    if (action.does === 'subscribe') this.subscribe(action, slot);
    else if (action.does === 'write') for (let n = action.count; n > 0; n--) this.write(slot);
    else if (action.does === 'complete' || action.does === 'error') this.end(action, slot);
    else if (manager === undefined) return;
    else if (action.does === 'open') this.open(slot, action.resume);
    else if (action.does === 'close') this.close(slot);
    else if (action.does === 'stop') this.stop(slot, manager);
    else this.delete(slot, manager);
  }

  private throw(self: Callee): never {
    const error = { thrownBy: self.name };
    this.thrown.push(error);
    this.trace?.push(this.indented('throws'));
    throw error;
  }

  private write({ input, writer }: Slot): void {
    if (input === undefined || writer === undefined || this.shutting) return;
    const chunk = ++this.lastChunk;
    const next = (): void =>
      this.call(`writes ${chunk} to ${input.name}`, input.stream, () => writer.next(chunk), refusal);
    const refusal = this.refusalOf(input, writer);
    if (input.stream.running > 0) this.nested++;
    if (input.canWrite) input.stream.writing(chunk, next);
    else next();
  }

  private end(action: Action & { does: 'complete' | 'error' }, { input, writer }: Slot): void {
    if (input === undefined || writer === undefined || this.shutting) return;
    const refusal = this.refusalOf(input, writer);
    const { stream } = input;
    const output = `output of ${stream.name}`;
    let outcome: Outcome;
    let end: () => void;
    if (action.does === 'error') {
      outcome = { type: 'error', code: action.code ?? 'UNKNOWN' };
      end = () => writer.error(action.code && { code: action.code, message: 'ended' });
    } else {
      outcome = action.output ? { type: 'done', output } : { type: 'done' };
      end = action.output ? () => writer.complete(output) : () => writer.complete();
    }
    const call = (): void => this.call(`ends ${input.name} ${outcome.type}`, stream, end, refusal);
    if (stream.running > 0) this.nested++;
    if (input.canWrite) {
      input.released = true;
      stream.ending(outcome, call);
    } else {
      call();
    }
  }

  /** An input never throws; a subject refuses by throwing. */
  private refusalOf(input: ModelInput, writer: Writer): string | undefined {
    input.misused ||= input.released;
    return input.canWrite || writer.failed !== undefined ? undefined : 'FAILED_PRECONDITION';
  }

  private open(slot: Slot, resume: boolean): void {
    let refusal: string | undefined;
    if (this.shut) refusal = 'UNAVAILABLE';
    else if (!resume && slot.stream !== undefined) refusal = 'ALREADY_EXISTS';
    else if (resume && slot.stream === undefined) refusal = 'NOT_FOUND';
    else if (resume && slot.stream!.status !== 'open') refusal = 'FAILED_PRECONDITION';
    const what = `${resume ? 'resumes' : 'opens'} ${slot.id}`;
    if (refusal !== undefined) {
      this.call(what, slot.stream, () => this.system.open(slot.id, resume), refusal);
      return;
    }
    const stream = resume ? slot.stream! : new ModelStream(`${slot.id}${++this.lives}`, this.verdict);
    const nth = this.inputs.length;
    const model = new ModelInput(`input ${nth} of ${stream.name}`, stream, this.verdict);
    if (resume) slot.input!.fail('ABORTED');
    slot.stream = stream;
    slot.input = model;
    slot.writer = undefined;
    for (const [index, waiting] of [...this.waiting.entries()].reverse()) {
      if (waiting.id !== slot.id) continue;
      waiting.model.join(stream);
      this.waiting.splice(index, 1);
    }
    const callee: InputCallee = { who: 'input', nth, name: model.name, model, calls: 0 };
    this.inputs.push(callee);
    const writer = this.call(what, stream, () => this.system.open(slot.id, resume), undefined);
    // It may have been deleted and opened anew in a callback of its own opening.
    if (slot.input === model) slot.writer = writer;
    this.watch(callee, writer?.failed);
  }

  private watch(callee: InputCallee, failed: Observable<unknown> | undefined): void {
    failed?.subscribe({
      next: (error) => {
        this.trace?.push(this.indented(`${callee.name} failed: ${codeOf(error)}`));
        callee.model.sawFailed(error);
        this.react(callee, callee.calls++);
      },
      error: () => this.verdict.fail('answer', `${callee.name}.failed has an error`),
      complete: () => {
        this.trace?.push(this.indented(`${callee.name} can't fail any more`));
        callee.model.sawFailedComplete();
        this.react(callee, 'end');
      },
    });
  }

  private close({ input, writer }: Slot): void {
    if (input === undefined || writer === undefined || this.shutting) return;
    if (input.canWrite) input.released = true;
    this.call(`closes ${input.name}`, input.stream, () => writer.close?.(), undefined);
  }

  private stop({ id, stream, input }: Slot, manager: NonNullable<System['manager']>): void {
    const stop = (): void => {
      const refusal = this.shut ? 'UNAVAILABLE' : stream === undefined ? 'NOT_FOUND' : undefined;
      this.call(`stops ${id}`, stream, () => manager.stop(id), refusal);
    };
    if (stream?.status === 'open') {
      input!.fail('CANCELLED');
      stream.ending({ type: 'error', code: 'CANCELLED' }, stop);
    } else {
      stop();
    }
  }

  private delete(slot: Slot, manager: NonNullable<System['manager']>): void {
    const { id, stream } = slot;
    const refusal = this.shut ? 'UNAVAILABLE' : stream === undefined ? 'NOT_FOUND' : undefined;
    this.cut(slot, 'NOT_FOUND');
    this.call(`deletes ${id}`, stream, () => manager.delete(id), refusal);
  }

  private cut(slot: Slot, code: string): void {
    if (slot.stream === undefined) return;
    for (const { model, handle } of this.readers) {
      if (model.stream !== slot.stream) continue;
      if (handle === undefined) model.unsure = true;
      else model.noticeEnd(handle.closed);
    }
    slot.stream.gone = code;
    slot.input!.fail(code);
    slot.stream = undefined;
  }

  private shutdown(manager: NonNullable<System['manager']>): void {
    const outermost = !this.shut;
    this.shut = true;
    const streams = this.slots.map((slot) => slot.stream);
    for (const slot of this.slots) this.cut(slot, 'UNAVAILABLE');
    for (const { model } of this.waiting.splice(0)) model.refusal = 'UNAVAILABLE';
    // All at once: none of them is settled before the call returns.
    for (const stream of streams) if (stream) stream.calls++;
    this.shutting ||= outermost;
    this.call('closes the manager', undefined, () => manager.close(), undefined);
    if (outermost) this.shutting = false;
    for (const stream of streams) if (stream) stream.calls--;
  }

  private subscribe(action: SubscribeAction, slot: Slot): void {
    const { stream } = slot;
    const { options, position, refusal, waits } = startOf(action, slot, this.system, this.offsets, this.shut);
    const views = this.system.subscribe(slot.id, options);
    const view = views.others === undefined ? 'chunks' : action.view;
    const limit = view === 'chunks' && action.through === 'take' ? 1 + (action.n % 3) : Infinity;
    const nth = this.readers.length;
    const name = `reader ${nth} (${view} of ${slot.id})`;
    const found = refusal === undefined ? stream : undefined;
    const handlesEnd = action.handles === 'all';
    const reading = { view, stream: found, refusal, position, limit, handlesEnd };
    const model = new ModelReader(name, reading, this.verdict);
    if (waits) this.waiting.push({ id: slot.id, model });
    const callee: ReaderCallee = { who: 'reader', nth, name, model, calls: 0, leaves: false };
    this.readers.push(callee);
    const subscribe = (): void => {
      const source: Observable<unknown> = view === 'chunks' ? views.chunks : views.others![view]();
      const plain = limit === Infinity && this.options.path === 'plain';
      const observer = this.observe(callee);
      callee.handle = (plain ? source : behind(source, limit, callee)).subscribe(
        handlesEnd ? observer : observer.next,
      );
      callee.handle.add(() => model.teardowns++);
      if (callee.leaves) this.unsubscribe(callee);
    };
    this.call(`subscribes ${name}`, found, subscribe, undefined);
  }

  private observe(callee: ReaderCallee): Observer<unknown> {
    const { model, name } = callee;
    return {
      next: (value) => {
        this.trace?.push(this.indented(`${name} sees ${JSON.stringify(value)}`));
        model.sawNext(value);
        const { offset } = Object(value) as { offset?: string };
        if (offset !== undefined && model.stream !== undefined) {
          this.offsets.push({ offset, stream: model.stream, position: model.position });
        }
        this.react(callee, callee.calls++);
      },
      error: (error) => {
        this.trace?.push(this.indented(`${name} sees error ${codeOf(error)}`));
        model.sawError(error);
        this.react(callee, 'end');
      },
      complete: () => {
        this.trace?.push(this.indented(`${name} sees its end`));
        model.sawComplete();
        this.react(callee, 'end');
      },
    };
  }

  private unsubscribe(callee: ReaderCallee): void {
    const { handle, model } = callee;
    this.trace?.push(this.indented(`${callee.name} unsubscribes`));
    if (handle === undefined) {
      callee.leaves = true;
      return;
    }
    if (!handle.closed) model.left = true;
    handle.unsubscribe();
  }

  /** Does what the program says of this callback. A write in it is nested in what its stream is dispatching. */
  private react(callee: ReaderCallee | InputCallee, at: number | 'end'): void {
    const stream = callee.who === 'reader' ? callee.model.stream : undefined;
    if (stream !== undefined) stream.running++;
    this.depth++;
    try {
      for (const reaction of this.program.reactions) {
        if (reaction.at !== at || reaction.nth !== callee.nth || reaction.who !== callee.who) continue;
        for (const action of reaction.actions) this.perform(action, callee);
      }
    } finally {
      this.depth--;
      if (stream !== undefined) stream.running--;
    }
  }

  /** Makes a call, checks what it throws, and, if it is the outermost one on its stream, that all have had everything. */
  private call<T>(
    what: string,
    stream: ModelStream | undefined,
    call: () => T,
    refusal: string | undefined,
  ): T | undefined {
    this.trace?.push(this.indented(what));
    let result: T | undefined;
    let thrown: string | undefined;
    this.depth++;
    if (stream !== undefined) stream.calls++;
    try {
      result = call();
    } catch (error) {
      thrown = codeOf(error);
    }
    if (stream !== undefined) stream.calls--;
    this.depth--;
    if (thrown !== refusal) this.verdict.fail('answer', `${what}: ${thrown} was thrown and not ${refusal}`);
    if (stream?.calls === 0)
      for (const callee of this.readers) if (callee.model.stream === stream) this.settle(callee);
    return result;
  }

  private settle({ model, handle }: ReaderCallee): void {
    if (handle !== undefined) model.settle(handle.closed);
  }

  private checkHead({ id, stream }: Slot): void {
    if (this.system.head === undefined) return;
    if (stream === undefined) {
      const refusal = this.shut ? 'UNAVAILABLE' : 'NOT_FOUND';
      this.call(`head of ${id}`, undefined, () => this.system.head!(id), refusal);
      return;
    }
    const { status, chunks, tail } = this.system.head(id);
    if (status !== stream.status || chunks !== stream.log.length) {
      this.verdict.fail(
        'answer',
        `${stream.name} is ${status} with ${chunks} chunks, not ${stream.status} with ${stream.log.length}`,
      );
    }
    if (tail !== undefined) stream.sawOffset(chunks, tail);
  }

  private indented(what: string): string {
    return '  '.repeat(this.depth) + what;
  }
}
