import { ChangeDetectionStrategy, Component, inject, signal } from '@angular/core';
import { AnswerView } from './answer';
import { Conversation } from './conversation';

/** The page: what was asked and answered, and where to ask. */
@Component({
  selector: 'app-chat',
  changeDetection: ChangeDetectionStrategy.OnPush,
  imports: [AnswerView],
  templateUrl: './chat.html',
  styleUrl: './chat.css',
  host: {
    '(window:online)': 'isOnline.set(true)',
    '(window:offline)': 'isOnline.set(false)',
  },
})
export class Chat {
  protected readonly conversation = inject(Conversation);
  protected readonly suggestions = [
    'What is a durable stream?',
    'What happens if I reload?',
    'And if the server dies?',
  ];
  protected readonly question = signal('');
  protected readonly isAsking = signal(false);
  protected readonly isOnline = signal(navigator.onLine);
  /** Whether the last question was not taken. */
  protected readonly hasFailed = signal(false);

  protected async ask(question: string): Promise<void> {
    if (question.trim() === '' || this.isAsking()) return;
    this.isAsking.set(true);
    this.hasFailed.set(false);
    try {
      await this.conversation.ask(question);
      if (this.question() === question) this.question.set('');
    } catch (error) {
      console.error(error);
      this.hasFailed.set(true);
    } finally {
      this.isAsking.set(false);
    }
  }

  /** Enter asks; with Shift it is a new line, and while a word is composed it belongs to the keyboard. */
  protected entered(event: Event): void {
    if (!(event instanceof KeyboardEvent) || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.ask(this.question());
  }
}
