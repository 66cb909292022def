/** Ours and the official client of the protocol, as they read a stream of one and the same server: ours. */
import { create, Client, pathOf } from './http-client.mjs';
import { withServer } from './http-servers.mjs';
import { jsonAt } from './durable.mjs';

const TEXT = jsonAt(0).text.length;

/**
 * What reads a stream until so many messages are there: `read(url, count, onFirst)`. Each goes on as it does by itself,
 * by server-sent events, and is ended then.
 */
const READERS = {
  async ours() {
    const { durableStream } = await import(new URL('client.js', process.env.BENCH_OURS));
    return (url, count, onFirst = () => undefined) =>
      new Promise((resolve, reject) => {
        const tally = tallyOf(count, onFirst, () => {
          subscription.unsubscribe();
          resolve();
        });
        const subscription = durableStream(url).subscribe({ next: tally, error: reject });
      });
  },

  async official() {
    const { stream } = await import('@durable-streams/client');
    return async (url, count, onFirst = () => undefined) => {
      const response = await stream({ url, live: true, warnOnHttp: false });
      await new Promise((resolve) => {
        const tally = tallyOf(count, onFirst, () => {
          response.cancel();
          resolve();
        });
        response.subscribeJson(({ items }) => {
          for (const item of items) tally(item);
        });
      });
    };
  },
};

/** Counts messages and their text, so that nothing of them can be left out. */
function tallyOf(count, onFirst, onLast) {
  let seen = 0;
  let size = 0;
  return ({ text }) => {
    size += text.length;
    if (++seen === 1) onFirst();
    if (seen !== count) return;
    if (size !== count * TEXT) throw new Error(`There are ${size} characters.`);
    onLast();
  };
}

/** Runs something with a server, the reader of a peer, and a way to make a stream of so many messages. */
export const withReader = (peer, run) =>
  withServer('ours', undefined, async ({ port }) => {
    const read = await READERS[peer]();
    let ids = 0;
    const fresh = async (count) => {
      const id = `s${++ids}`;
      const creator = await Client.connect(port);
      await create(
        creator,
        id,
        Array.from({ length: count }, (_, i) => JSON.stringify(jsonAt(i))),
      );
      creator.close();
      return { id, url: `http://127.0.0.1:${port}${pathOf(id)}` };
    };
    return run({ read, fresh, port });
  });
