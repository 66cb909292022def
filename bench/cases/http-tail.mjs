import { pathOf, requestOf } from '../http-client.mjs';
import { MESSAGES, withLongStream } from '../http-long.mjs';

/** How often in a sample. */
const EACH = 20;

/** Reads at the tail of a long stream, where there is nothing. */
export default {
  peers: ['ours', 'reference'],
  unit: 'µs',
  run: async (peer) =>
    (await withLongStream(peer, 'memory', async (client, offset) => {
      const request = requestOf('GET', `${pathOf('s')}?offset=${offset}`);
      for (let i = 0; i < EACH; i++) await client.ask(request);
    })) /
    1_000 /
    EACH,
  rows: () => [
    {
      label: `read at the tail of ${MESSAGES.toLocaleString('en')} messages, memory`,
      ours: 'ours',
      targets: [{ of: 'reference', least: 10 }],
    },
  ],
};
