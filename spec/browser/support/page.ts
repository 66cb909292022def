// The script of the page that specs of the client open.
import { durableStream, type DurableStreamOptions, openStream, remember } from 'rxjs-durable-streams/client';
import type { StreamError, StreamInput } from 'rxjs-durable-streams';

/** Options of {@link TestPage.read} that a spec can send. */
interface ReadOptions extends Pick<DurableStreamOptions, 'live' | 'pauseWhenHidden' | 'shareTabs'> {
  /** The key in `localStorage` under which the offset is kept, and beside it the text. */
  readonly rememberAs?: string;
}

/** What a page has read of a stream. */
interface Seen {
  text: string;
  /** The offsets of the chunks that it was given since it was loaded. */
  readonly offsets: string[];
  /** How it has ended: `done`, with the output, or a code. */
  end: string | undefined;
}

const RETRY = { delay: 50, maxDelay: 500 };

/** What specs do in a page. */
class TestPage {
  readonly seen: Seen = { text: '', offsets: [], end: undefined };
  /** What became of the page itself, as it was told. */
  readonly life: string[] = [];
  #input: StreamInput<string, string> | undefined;

  constructor() {
    for (const type of ['visibilitychange', 'freeze', 'resume']) {
      document.addEventListener(type, () => this.life.push(`${type} ${document.visibilityState}`));
    }
  }

  read(url: string, { rememberAs, ...options }: ReadOptions = {}): void {
    const { seen } = this;
    const textKey = `${rememberAs} text`;
    if (rememberAs !== undefined) seen.text = localStorage.getItem(textKey) ?? '';
    const memory = rememberAs === undefined ? undefined : remember(localStorage, rememberAs);
    durableStream<string, string>(url, { ...options, remember: memory, retry: RETRY })
      .events()
      .subscribe({
        next: (event) => {
          if (event.type === 'chunk') {
            seen.text += event.chunk;
            seen.offsets.push(event.offset);
            if (rememberAs !== undefined) localStorage.setItem(textKey, seen.text);
          } else {
            seen.end = event.type === 'done' ? `done ${event.output}` : event.error.code;
          }
        },
        error: (error: unknown) => (seen.end = (error as StreamError).code),
      });
  }

  write(url: string): void {
    this.#input = openStream<string, string>(url, { retry: RETRY });
  }

  next(...chunks: string[]): void {
    for (const chunk of chunks) this.#input?.next(chunk);
  }

  async complete(output: string): Promise<void> {
    this.#input?.complete(output);
    await this.#input?.flush();
  }
}

declare global {
  var test: TestPage;
}

globalThis.test = new TestPage();
