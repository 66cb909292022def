/** What of Node's `IncomingMessage` is used. */
export interface IncomingMessage {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly socket: { readonly encrypted?: boolean | undefined };
  readonly complete: boolean;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Each event of Node's has its own arguments.
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/** How many bytes of a body are read ahead of whoever takes it. */
const AHEAD = 65_536;

/** The body of a request, read as it is taken; `undefined` if it has none. A body that is cut off is an error. */
export function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> | undefined {
  const { headers } = incoming;
  if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0')
    return undefined;
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
