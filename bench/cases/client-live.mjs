import { withReader } from '../client.mjs';
import { jsonAt } from '../durable.mjs';
import { appendOf, Client } from '../http-client.mjs';
import { now, sampled } from '../sampling.mjs';

const APPENDS = 200;

/** Reads messages live while they are appended, so many at a time. */
export default {
  params: [1, 100],
  peers: ['ours', 'official'],
  unit: 'µs',
  run: (peer, batch) =>
    withReader(peer, async ({ read, fresh, port }) => {
      const count = APPENDS * batch;
      const messages = Array.from({ length: batch }, (_, i) => JSON.stringify(jsonAt(i)));
      const writer = await Client.connect(port);
      return sampled(async () => {
        const { id, url } = await fresh(1);
        const append = appendOf(id, `[${messages.join()}]`);
        let over;
        await new Promise((resolve, reject) => {
          over = read(url, 2 + count, resolve);
          over.catch(reject);
        });
        // It has what was there, and now it has to be live.
        await writer.ask(appendOf(id, messages[0]));
        const from = now();
        for (let i = 0; i < APPENDS; i++) await writer.ask(append);
        await over;
        return (now() - from) / count / 1e3;
      });
    }),
  rows: (batch) => [
    {
      label: `each message read live, ${batch === 1 ? 'appended one by one' : `${batch} appended at a time`}`,
      ours: 'ours',
      targets: [{ of: 'official', least: 1 }],
    },
  ],
};
