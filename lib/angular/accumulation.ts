import { computed, type Signal, signal } from '@angular/core';

/** How chunks become a value. */
export interface Folder<C, A> {
  /** Takes a chunk. May throw: then the value is as before. */
  add(chunk: C): void;
  /** The value by now. What it gives never changes. */
  value(): A;
}

/** All chunks. Adding one costs no copy; looking does. */
export class Log<C> implements Folder<C, readonly C[]> {
  readonly #chunks: C[];

  constructor(first: readonly C[]) {
    this.#chunks = [...first];
  }

  add(chunk: C): void {
    this.#chunks.push(chunk);
  }

  value(): readonly C[] {
    return this.#chunks.slice();
  }
}

/** What a reducer makes of them. */
export class Reduction<C, A> implements Folder<C, A> {
  #value: A;

  constructor(
    first: A,
    private readonly reduce: (accumulated: A, chunk: C) => A,
  ) {
    this.#value = first;
  }

  add(chunk: C): void {
    this.#value = this.reduce(this.#value, chunk);
  }

  value(): A {
    return this.#value;
  }
}

/**
 * A value that grows chunk by chunk, as a signal. Whoever depends on the signal is told once that there is more, and
 * not again until somebody has looked: so what a chunk costs does not depend on how many there are, and a value is made
 * once for each look, however many chunks have come in between. None of them is lost by that: all are folded when they come.
 */
export class Accumulation<C, A> {
  readonly #changes = signal(0);
  #isSeen = true;
  readonly value: Signal<A>;

  constructor(private readonly folder: Folder<C, A>) {
    this.value = computed(() => {
      this.#changes();
      this.#isSeen = true;
      return folder.value();
    });
  }

  add(chunk: C): void {
    this.folder.add(chunk);
    if (!this.#isSeen) return;
    this.#isSeen = false;
    this.#changes.update((count) => count + 1);
  }
}
