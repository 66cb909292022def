/** Reading a stream that is long. */
import { inFolder, jsonAt } from './durable.mjs';
import { appendEach, catchUp, Client, create } from './http-client.mjs';
import { withServer } from './http-servers.mjs';
import { now, sampled } from './sampling.mjs';

export const MESSAGES = 100_000;

/**
 * Runs something with a client and the tail of a long stream on a server, again and again; gives ns. The messages were
 * appended 1,000 at a time, or (`each`) one at a time.
 */
export const withLongStream = (peer, store, run, { each = false } = {}) =>
  inFolder((path) =>
    withServer(peer, store === 'disk' ? path : undefined, async ({ port }) => {
      const messages = Array.from({ length: MESSAGES }, (_, i) => JSON.stringify(jsonAt(i)));
      const creator = await Client.connect(port);
      await create(creator, 's', each ? [] : messages);
      creator.close();
      if (each) await appendEach(port, 's', messages);
      // Servers end connections on which nothing happens for so long.
      const client = await Client.connect(port);
      const { bytes, offset } = await catchUp(client, 's');
      // Each has 128, and a comma or a bracket.
      if (bytes < MESSAGES * 129) throw new Error(`There were only ${bytes} bytes.`);
      return sampled(async () => {
        const from = now();
        await run(client, offset);
        return now() - from;
      });
    }),
  );
