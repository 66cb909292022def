/** Reading a stream that is long. */
import { inFolder, jsonAt } from './durable.mjs';
import { catchUp, Client, create } from './http-client.mjs';
import { withServer } from './http-servers.mjs';
import { now, sampled } from './sampling.mjs';

export const MESSAGES = 100_000;

/** Runs something with a client and the tail of a long stream on a server, again and again; gives ns. */
export const withLongStream = (peer, store, run) =>
  inFolder((path) =>
    withServer(peer, store === 'disk' ? path : undefined, async ({ port }) => {
      const client = await Client.connect(port);
      await create(
        client,
        's',
        Array.from({ length: MESSAGES }, (_, i) => JSON.stringify(jsonAt(i))),
      );
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
