import { pathOf, requestOf } from '../http-client.mjs';
import { MESSAGES, withLongStream } from '../http-long.mjs';

/** How often in a sample. */
const EACH = 20;

/** Reads at the tail of a long stream, where there is nothing. */
export default {
  peers: ['ours', 'reference'],
  unit: 'µs',
  async run(peer) {
    const reads = async (client, offset) => {
      const request = requestOf('GET', `${pathOf('s')}?offset=${offset}`);
      for (let i = 0; i < EACH; i++) await client.ask(request);
    };
    // The reference server has what was appended together as one: then it has a hundred messages, and not 100,000.
    return (await withLongStream(peer, 'memory', reads, { each: true })) / 1_000 / EACH;
  },
  rows: () => [
    {
      label: `read at the tail of ${MESSAGES.toLocaleString('en')} messages, appended one by one, memory`,
      ours: 'ours',
      targets: [{ of: 'reference', least: 10 }],
    },
  ],
};
