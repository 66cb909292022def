import { Injectable, signal } from '@angular/core';
import { takeUntilDestroyed } from '@angular/core/rxjs-interop';
import { filter, fromEvent } from 'rxjs';

const KEY = 'conversation';

/** The answers that this browser has asked for, in order: the same in all of its tabs, and after a reload. */
@Injectable({ providedIn: 'root' })
export class Conversation {
  readonly #ids = signal(kept());
  /** The ids of their streams. */
  readonly ids = this.#ids.asReadonly();

  constructor() {
    // Told when another tab has asked.
    fromEvent<StorageEvent>(window, 'storage')
      .pipe(
        filter(({ key }) => key === KEY),
        takeUntilDestroyed(),
      )
      .subscribe(() => this.#ids.set(kept()));
  }

  /** Asks a question. Rejects if the server does not take it. */
  async ask(question: string): Promise<void> {
    const response = await fetch('/api/answers', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ question }),
    });
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    const { id } = (await response.json()) as { id: string };
    this.#keep([...kept(), id]);
  }

  /** Begins a new one. */
  clear(): void {
    this.#keep([]);
  }

  #keep(ids: string[]): void {
    localStorage.setItem(KEY, JSON.stringify(ids));
    this.#ids.set(ids);
  }
}

function kept(): string[] {
  return JSON.parse(localStorage.getItem(KEY) ?? '[]') as string[];
}
