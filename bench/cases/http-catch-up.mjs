import { catchUp } from '../http-client.mjs';
import { MESSAGES, withLongStream } from '../http-long.mjs';

/** Reads all of a long stream, page by page where there are pages. */
export default {
  params: ['memory', 'disk'],
  peers: ['ours', 'reference'],
  unit: 'ms',
  run: async (peer, store) =>
    (await withLongStream(peer, store, (client) => catchUp(client, 's'))) / 1_000_000,
  rows: (store) => [
    {
      label: `catch-up of ${MESSAGES.toLocaleString('en')} messages, ${store}`,
      ours: 'ours',
      targets: [{ of: 'reference', least: 3 }],
    },
  ],
};
