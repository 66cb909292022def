import { randomUUID } from 'node:crypto';
import { concatMap, delay, firstValueFrom, from, of, takeUntil } from 'rxjs';
import type { DurableStreamManager, StreamInput } from 'rxjs-durable-streams';
import type { AnswerOutput } from '../shared/answer.js';
import { wordsOf } from './words.js';

/** Writes answers, one stream each, and goes on with those that a server before this one has left. */
export class Answers {
  constructor(
    private readonly streams: DurableStreamManager,
    /** How long a word takes, in ms. */
    private readonly pace: number,
  ) {}

  /** Begins to answer, and gives the id of the stream as soon as the question is on disk. */
  async ask(question: string): Promise<string> {
    const input = this.streams.open<string, AnswerOutput>(randomUUID());
    await input.write(question);
    this.#write(input, question, 0);
    return input.id;
  }

  /** Goes on with every answer that is not finished. For one server at a time: it takes them from any other. */
  async resume(): Promise<void> {
    for (const { id, status } of await this.streams.list({ limit: Infinity })) {
      if (status === 'open') await this.#takeOver(id);
    }
  }

  async #takeOver(id: string): Promise<void> {
    const input = this.streams.open<string, AnswerOutput>(id, { resume: true });
    // From now on nobody else writes it, so what it has is what it had.
    await input.opened;
    const { chunks } = await this.streams.head(id);
    if (chunks === 0) {
      // Its question was lost with the server, and nobody was given its id.
      await this.streams.delete(id);
      return;
    }
    const question = await firstValueFrom(this.streams.subscribe<string>(id));
    this.#write(input, question, chunks - 1);
  }

  /** Writes what follows so many words, as fast as somebody speaks, until it is over or stopped. */
  #write(input: StreamInput<string, AnswerOutput>, question: string, written: number): void {
    const words = wordsOf(question);
    from(words.slice(written))
      .pipe(
        concatMap((word) => of(word).pipe(delay(this.pace))),
        takeUntil(input.failed),
      )
      .subscribe({
        next: (word) => input.next(word),
        complete: () => input.complete({ words: words.length }),
      });
  }
}
