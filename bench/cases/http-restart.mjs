import { rmSync } from 'node:fs';

import { folder, jsonAt } from '../durable.mjs';
import { Client, create, pathOf, requestOf } from '../http-client.mjs';
import { startServer, withServer } from '../http-servers.mjs';
import { now } from '../sampling.mjs';

const LOADS = {
  '100,000 messages': { streams: 1, messages: 100_000 },
  '10,000 streams': { streams: 10_000, messages: 1 },
};
const PEERS = ['ours', 'reference'];
const storeOf = (peer, load) => folder(`restart-${peer}-${load.replace(/\W/g, '')}`);

/** Starts a server on what there is, and asks for a stream; gives ms from the start of its process to the answer. */
export default {
  params: Object.keys(LOADS),
  peers: PEERS,
  unit: 'ms',
  async prepare(load) {
    const { streams, messages } = LOADS[load];
    const texts = Array.from({ length: messages }, (_, i) => JSON.stringify(jsonAt(i)));
    for (const peer of PEERS) {
      rmSync(storeOf(peer, load), { recursive: true });
      await withServer(peer, storeOf(peer, load), async ({ port }) => {
        // One after the other: of streams that are created at once, the reference server forgets some.
        const client = await Client.connect(port);
        for (let i = 0; i < streams; i++) await create(client, `stream-${i}`, texts);
      });
    }
  },
  async run(peer, load) {
    const { port, started, stop } = await startServer(peer, storeOf(peer, load));
    const client = await Client.connect(port);
    await client.ask(requestOf('HEAD', pathOf('stream-0')));
    const ms = (now() - started) / 1_000_000;
    await stop();
    return ms;
  },
  rows: (load) => [
    { label: `restart with ${load}, disk`, ours: 'ours', targets: [{ of: 'reference', least: 1 }] },
  ],
};
