/** What of Node's `IncomingMessage` is used. */
export interface IncomingMessage {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersionMajor: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly socket: object;
  readonly complete: boolean;
  readonly readableEnded: boolean;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Each event of Node's has its own arguments.
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** How many bytes of a body are read ahead of whoever takes it. */
const AHEAD = 65_536;

/** Whether a request has a body, or, by HTTP/2, may have one: only HTTP/1 says so beforehand. */
export function mayHaveBody({ headers, httpVersionMajor }: IncomingMessage): boolean {
  const length = headers['content-length'];
  if (headers['transfer-encoding'] !== undefined) return true;
  return length === undefined ? httpVersionMajor > 1 : length !== '0';
}

/** The body of a request that may have one, read as it is taken. A body that is cut off is an error. */
export function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let over = false;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const fail = (): void => {
          if (over) return;
          over = true;
          controller.error(new Error('The body has been cut off.'));
        };
        incoming.on('data', (bytes: Uint8Array) => {
          if (over) return;
          controller.enqueue(bytes);
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
        });
        incoming.on('end', () => {
          if (over) return;
          if (!incoming.complete) {
            fail();
            return;
          }
          over = true;
          controller.close();
        });
        incoming.on('error', fail);
        incoming.on('aborted', fail);
        incoming.on('close', fail);
        incoming.pause();
      },
      pull() {
        incoming.resume();
      },
      cancel() {
        over = true;
        incoming.pause();
      },
    },
    { highWaterMark: AHEAD, size: (bytes) => bytes.byteLength },
  );
}
