import type { StreamHandler } from 'rxjs-durable-streams/http';

/** What happens to one answer on its way. */
export interface Fate {
  /** The lengths of the pieces that the body comes in, again and again. */
  readonly pieces: readonly number[];
  /** After how many bytes it is cut. Default: never. */
  readonly cut?: number | undefined;
  /** Whether it ends there as if that were all. */
  readonly quietly?: boolean | undefined;
  /** What is answered in its place. */
  readonly status?: number | undefined;
  /** What is lost: the request, or only its answer. */
  readonly lost?: 'request' | 'answer' | undefined;
  /** By how many turns the request comes late, so that others overtake it. */
  readonly late?: number | undefined;
  /** Whether a cache gives what it has for the URL, if it has something. */
  readonly stale?: boolean | undefined;
}

/** A `fetch` to a handler, over a network that does to each answer what it is told. */
export function hostileNetwork(handler: StreamHandler, fateOf: (request: Request, index: number) => Fate) {
  const kept = new Map<string, { readonly headers: Headers; readonly bytes: Uint8Array }>();
  let count = 0;
  const ask = async (input: string, init: RequestInit): Promise<Response> => {
    const request = new Request(input, {
      ...init,
      ...(init.body != null && { duplex: 'half' }),
    });
    const fate = fateOf(request, count++);
    if (fate.status !== undefined) return new Response('{}', { status: fate.status });
    for (let i = 0; i < (fate.late ?? 0); i++) await new Promise((resolve) => setImmediate(resolve));
    if (fate.lost === 'request') throw new TypeError('fetch failed');
    if (fate.lost === 'answer') {
      await handler(request);
      throw new TypeError('fetch failed');
    }
    const key = request.method + request.url;
    const old = kept.get(key);
    if (fate.stale === true && old !== undefined && init.cache !== 'no-store') {
      return new Response(bodyOf(old.bytes, fate), { headers: old.headers });
    }
    const response = await handler(request);
    const { status, headers } = response;
    if (response.body === null) return response;
    if (request.method === 'GET' && !request.url.includes('live=sse') && status === 200) {
      const bytes = new Uint8Array(await response.arrayBuffer());
      kept.set(key, { headers, bytes });
      return new Response(bodyOf(bytes, fate), { status, headers });
    }
    return new Response(cutUp(response.body, fate), { status, headers });
  };
  return { fetch: ask as typeof fetch, asked: () => count };
}

const bodyOf = (bytes: Uint8Array, fate: Fate): ReadableStream<Uint8Array> =>
  cutUp(new Response(bytes as BodyInit).body as ReadableStream<Uint8Array>, fate);

/** The same bytes in other pieces, up to where they are cut. */
function cutUp(
  source: ReadableStream<Uint8Array>,
  { pieces, cut = Infinity, quietly }: Fate,
): ReadableStream<Uint8Array> {
  let sent = 0;
  let next = 0;
  const through = new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      for (let at = 0; at < bytes.byteLength;) {
        const length = Math.min(pieces[next++ % pieces.length] as number, bytes.byteLength - at, cut - sent);
        if (length > 0) controller.enqueue(bytes.slice(at, at + length));
        at += length;
        sent += length;
        if (sent < cut) continue;
        if (quietly === true) controller.terminate();
        else controller.error(new TypeError('terminated'));
        return;
      }
    },
  });
  return source.pipeThrough(through);
}
