import type { Hint, Watch } from '../../engines/engine.js';
import type { FaultPlan } from './faults.js';

/** Says to look again, and nothing else. */
const blank = (id: string): Hint => ({
  id,
  generation: 0,
  n: 0,
  tail: 0,
  tag: 0,
  ended: false,
  stopping: false,
  owner: undefined,
  gone: false,
});

/** A watch with whose hints things go wrong. */
export class FaultyWatch implements Watch {
  #inner: Watch | undefined;
  #closed = false;
  /** What comes after the next hint. */
  #held: Hint[] = [];

  constructor(
    private readonly ids: readonly string[],
    private readonly onHint: (hint: Hint) => void,
    private readonly plan: FaultPlan,
    private readonly after: (ms: number, callback: () => void) => void,
    private readonly onClose: () => void,
  ) {}

  /** Takes the watch of the engine behind. */
  begin(inner: Watch): this {
    this.#inner = inner;
    if (this.#closed) inner.close();
    return this;
  }

  tell(hint: Hint): void {
    if (this.#closed) return;
    const fault = this.plan.onHint?.(hint);
    switch (fault?.type) {
      case 'drop':
        return;
      case 'hold':
        this.#held.push(hint);
        return;
      case 'delay':
        this.after(fault.ms, () => {
          this.#give(hint);
        });
        return;
      case 'blank':
        this.#give(blank(hint.id));
        break;
      case 'repeat':
        this.#give(hint);
        this.#give(hint);
        break;
      case undefined:
        this.#give(hint);
    }
    for (const held of this.#held.splice(0)) this.#give(held);
  }

  /** Tells that hints of these ids, or of all, may have been lost. */
  interrupt(ids = this.ids): void {
    for (const id of this.ids) if (ids.includes(id)) this.#give(blank(id));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inner?.close();
    this.onClose();
  }

  #give(hint: Hint): void {
    if (!this.#closed) this.onHint(hint);
  }
}
