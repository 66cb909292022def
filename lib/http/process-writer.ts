import type { StreamError } from '../errors.js';
import type { Append } from '../log/command.js';
import type { Answer } from '../log/group.js';
import type { Streams } from '../log/streams.js';

/** In how many streams at most the slot is remembered: it saves a look-up. */
const MAX_SLOTS = 16_384;

type Change = Pick<Append, 'chunks' | 'bytes' | 'outcome' | 'contentType' | 'sequence'>;

/**
 * Appends for whoever gives no name: as one writer, whose appends are numbered, so that one whose answer was lost on the
 * way from the store is not stored twice. The numbers are the same for all streams, because a stream that was forgotten
 * here remembers them.
 */
export class ProcessWriter {
  readonly #id = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12))));
  readonly #slots = new Map<string, { readonly generation: number; readonly slot: number }>();
  #seq = 0;

  constructor(private readonly streams: Streams) {}

  append(id: string, change: Change): Promise<Answer> {
    return new Promise((done, failed: (error: StreamError) => void) => {
      this.streams.begin();
      this.#submit(id, change, done, failed);
    });
  }

  #submit(
    id: string,
    change: Change,
    done: (answer: Answer) => void,
    failed: (error: StreamError) => void,
  ): void {
    const known = this.#slots.get(id);
    this.streams.log.submit({
      id,
      command: {
        type: 'append',
        writer: { type: 'process', id: this.#id, seq: ++this.#seq, slot: known?.slot },
        // A slot is of one life of the id.
        generation: known?.generation,
        chunks: change.chunks,
        bytes: change.bytes,
        outcome: change.outcome,
        contentType: change.contentType,
        sequence: change.sequence,
      },
      done: (answer) => {
        if (known === undefined) this.#learn(id, answer);
        done(answer);
      },
      failed: (error) => {
        const over = known !== undefined && (error.code === 'NOT_FOUND' || error.code === 'UNAVAILABLE');
        if (over && this.#slots.get(id) === known) this.#slots.delete(id);
        // Refused for sure: it is of a former life of the id, or of none.
        if (over && error.code === 'NOT_FOUND') this.#submit(id, change, done, failed);
        else failed(error);
      },
    });
  }

  #learn(id: string, { head, slot }: Answer): void {
    if (head === undefined || slot === undefined) return;
    if (this.#slots.size >= MAX_SLOTS) {
      // The oldest.
      for (const oldest of this.#slots.keys()) {
        this.#slots.delete(oldest);
        break;
      }
    }
    this.#slots.set(id, { generation: head.generation, slot });
  }
}
