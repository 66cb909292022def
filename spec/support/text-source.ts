/** A source of text that a spec writes by hand, and whether whoever read it has cancelled it. */
export class TextSource {
  readonly readable: ReadableStream<string>;
  /** What it was cancelled with. */
  cancelledWith: unknown = undefined;
  #controller!: ReadableStreamDefaultController<string>;

  constructor() {
    this.readable = new ReadableStream<string>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: (reason) => {
        this.cancelledWith = reason;
      },
    });
  }

  /** What is not read yet of what was written: 1 if nothing, as the platform counts. */
  get room(): number | null {
    return this.#controller.desiredSize;
  }

  write(...chunks: string[]): void {
    for (const chunk of chunks) this.#controller.enqueue(chunk);
  }

  end(): void {
    this.#controller.close();
  }

  fail(error: unknown): void {
    this.#controller.error(error);
  }
}

/** The chunks of a stream up to its end. Rejects if there is no stream. */
export async function chunksOf(stream: ReadableStream<string> | null | undefined): Promise<string[]> {
  if (!stream) throw new Error(`There is no stream, but ${String(stream)}.`);
  const chunks: string[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}

/** The text of a stream up to its end. */
export const textOf = async (stream: ReadableStream<string> | null | undefined): Promise<string> =>
  (await chunksOf(stream)).join('');
