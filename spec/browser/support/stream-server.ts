import { DurableStreamManager, memoryEngine, type StreamInput } from 'rxjs-durable-streams';
import { onTestFinished } from 'vitest';
import { serve } from '../../support/http-server.js';
import { LiveRequests } from './site.js';

/** A stream on a server of this process. */
interface ServedStream {
  readonly url: string;
  readonly input: StreamInput<string, string>;
  readonly live: LiveRequests;
  /** All that was written. */
  text(): string;
  /** Writes so many words. */
  write(count: number): void;
}

let words = 0;

/** Serves one stream until the test is over. */
export async function servedStream(): Promise<ServedStream> {
  const streams = new DurableStreamManager(memoryEngine());
  const server = await serve(streams);
  onTestFinished(() => server.close());
  const input = streams.open<string, string>('answer');
  let text = '';
  return {
    url: `${server.url}/v1/stream/answer`,
    input,
    live: new LiveRequests(server.server),
    text: () => text,
    write: (count) => {
      for (let i = 0; i < count; i++) {
        const word = `wörd ${words++} 😀\r\n`;
        text += word;
        input.next(word);
      }
    },
  };
}
