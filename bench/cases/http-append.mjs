import { inFolder, jsonAt } from '../durable.mjs';
import { appendOf, Client, create } from '../http-client.mjs';
import { withServer } from '../http-servers.mjs';
import { now, sampled } from '../sampling.mjs';

/** Appends of a client in a sample. */
const EACH = 50;

/** So many clients append a message, and then the next one, each on a connection of its own; gives µs for each append. */
async function measure({ port }, { store, clients, streams }) {
  // Until V8 has compiled what it will; a disk is waited for that long and takes longer than that.
  const warmUp = store === 'memory' ? 8_000 : 3_000;
  const connections = await Promise.all(Array.from({ length: clients }, () => Client.connect(port)));
  const ids = Array.from({ length: streams }, (_, i) => `stream-${i}`);
  for (const id of ids) await create(connections[0], id);
  const appends = connections.map((client, i) => {
    const request = appendOf(ids[i % ids.length], JSON.stringify(jsonAt(i)));
    return async () => {
      for (let n = 0; n < EACH; n++) await client.ask(request);
    };
  });
  return sampled(
    async () => {
      const from = now();
      await Promise.all(appends.map((append) => append()));
      return (now() - from) / (EACH * clients) / 1_000;
    },
    { atLeast: 10, warmUps: Math.ceil(warmUp / (EACH * clients)) },
  );
}

const TARGETS = { memory: [1, 1, 1], disk: [2, 15, 7] };
const LOADS = [
  { clients: 1, streams: 1, label: '1 client' },
  { clients: 32, streams: 1, label: '32 clients, one stream' },
  { clients: 32, streams: 32, label: '32 clients, each on a stream of its own' },
];

export default {
  params: Object.entries(TARGETS).flatMap(([store, targets]) =>
    LOADS.map((load, i) => ({ store, ...load, least: targets[i] })),
  ),
  peers: ['ours', 'reference'],
  unit: 'µs',
  run: (peer, param) =>
    inFolder((path) =>
      withServer(peer, param.store === 'disk' ? path : undefined, (server) => measure(server, param)),
    ),
  rows: ({ store, label, least }) => [
    { label: `append, ${label}, ${store}`, ours: 'ours', targets: [{ of: 'reference', least }] },
  ],
};
