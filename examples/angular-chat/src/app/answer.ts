import { ChangeDetectionStrategy, Component, computed, input } from '@angular/core';
import { durableResource } from 'rxjs-durable-streams/angular';
import type { AnswerOutput } from '../../shared/answer';

/** What has come of an answer. */
interface Answer {
  readonly question?: string;
  readonly text: string;
}

/** A question, and the answer as it comes. */
@Component({
  selector: 'app-answer',
  changeDetection: ChangeDetectionStrategy.OnPush,
  templateUrl: './answer.html',
  styleUrl: './answer.css',
})
export class AnswerView {
  /** The id of the answer's stream. */
  readonly id = input.required<string>();

  protected readonly answer = durableResource<string, AnswerOutput, Answer>({
    id: this.id,
    initial: { text: '' },
    // The first chunk is the question.
    reduce: ({ question, text }, chunk) =>
      question === undefined ? { question: chunk, text } : { question, text: text + chunk },
  });

  protected readonly isStopped = computed(() => this.answer.error()?.code === 'CANCELLED');
  protected readonly isOpen = computed(() => ['loading', 'open'].includes(this.answer.status()));

  /** What is said below the text. */
  protected readonly note = computed(() => {
    if (this.isOpen()) return 'Answering …';
    return this.isStopped()
      ? 'Stopped'
      : (this.answer.error()?.message ?? `${this.answer.output()?.words} words`);
  });
}
