import { lost } from './nats-errors.js';

/** Puts numbers and bytes one after another. */
export class ByteWriter {
  #buffer: Buffer;
  #at = 0;

  /** @param size about how many bytes there will be. */
  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  byte(value: number): this {
    this.#room(1);
    this.#buffer[this.#at++] = value;
    return this;
  }

  /** A non-negative integer: unsigned LEB128. */
  number(value: number): this {
    this.#room(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at++] = rest;
    return this;
  }

  /** Any number. */
  double(value: number): this {
    this.#room(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
    return this;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** Bytes with their length before them. */
  bytes(bytes: Uint8Array): this {
    return this.number(bytes.length).raw(bytes);
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text));
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe((this.#at + bytes) * 2);
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/** Gives what a {@link ByteWriter} put there, in the same order. Throws `DATA_LOSS` beyond the end. */
export class ByteReader {
  #at = 0;

  constructor(readonly buffer: Buffer) {}

  get at(): number {
    return this.#at;
  }

  byte(): number {
    return this.#take(1)[0] as number;
  }

  number(): number {
    let number = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      number += (byte & 0x7f) * scale;
      if (byte < 0x80) return number;
    }
  }

  double(): number {
    return this.#take(8).readDoubleLE();
  }

  /** A view. */
  bytes(): Buffer {
    return this.#take(this.number());
  }

  text(): string {
    return this.bytes().toString();
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (!(end <= this.buffer.length)) throw lost('a part of a message');
    const taken = this.buffer.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
