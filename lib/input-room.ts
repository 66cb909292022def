import type { Payload } from './engines/engine.js';
import { StreamError } from './errors.js';
import { payloadBytes } from './log/bytes.js';
import type { Head } from './log/head.js';

/** How much may be written. */
export interface InputLimits {
  readonly maxChunks: number;
  readonly maxBytes: number;
  readonly maxChunkBytes: number;
}

/** What there is room for, so that what there is none for is refused at the call, where others can go on. */
export class InputRoom {
  /** What the appends on their way will have added. */
  #chunks = 0;
  #bytes = 0;

  constructor(private readonly limits: InputLimits) {}

  /** The size of what is to be stored. Throws if that is too much. */
  measured(what: string, payload: Payload): number {
    const { maxChunkBytes } = this.limits;
    if (maxChunkBytes === Infinity) return 0;
    const bytes = payloadBytes(payload);
    if (bytes > maxChunkBytes) {
      throw full(`The ${what} has ${bytes} bytes, but maxChunkBytes is ${maxChunkBytes}.`);
    }
    return bytes;
  }

  /** Throws if there is no room for one more chunk after what is on its way. `head`: the stream as it was last known. */
  check(head: Head | undefined, bytes: number): void {
    const { maxChunks, maxBytes } = this.limits;
    if (maxChunks === Infinity && maxBytes === Infinity) return;
    const chunks = (head?.tail ?? 0) + this.#chunks + 1;
    const all = (head?.bytes ?? 0) + this.#bytes + bytes;
    if (chunks > maxChunks) throw full(`The stream is full: maxChunks is ${maxChunks}.`);
    if (all > maxBytes) throw full(`The stream is full: maxBytes is ${maxBytes}.`);
  }

  /** A chunk is on its way. */
  sent(bytes: number): void {
    this.#chunks++;
    this.#bytes += bytes;
  }

  /** So many were answered. */
  answered(chunks: number, bytes: number): void {
    this.#chunks -= chunks;
    this.#bytes -= bytes;
  }
}

const full = (message: string): StreamError => new StreamError('RESOURCE_EXHAUSTED', message);
