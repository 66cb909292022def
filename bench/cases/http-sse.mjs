import { inFolder, jsonAt } from '../durable.mjs';
import { appendOf, Client, create, pathOf, Reader } from '../http-client.mjs';
import { withServer } from '../http-servers.mjs';
import { now, sampled } from '../sampling.mjs';

/** So many clients append, each message by itself and on connections of their own. */
const WRITERS = 8;
/** Readers follow a new stream while it is written; gives µs for each message that one of them has been given. */
async function measure({ port }, { readers: count, messages }) {
  let streams = 0;
  return sampled(
    async () => {
      const id = `stream-${streams++}`;
      const creator = await Client.connect(port);
      await create(creator, id);
      creator.close();
      const readers = [];
      for (let i = 0; i < count; i++) {
        readers.push(await Reader.open(port, `${pathOf(id)}?offset=-1&live=sse`));
      }
      // Not earlier, because servers end connections on which nothing happens.
      const writers = await Promise.all(Array.from({ length: WRITERS }, () => Client.connect(port)));
      const from = now();
      await Promise.all([
        ...writers.map(async (client) => {
          for (let i = 0; i < messages / WRITERS; i++)
            await client.ask(appendOf(id, JSON.stringify(jsonAt(i))));
        }),
        ...readers.map((reader) => reader.until(messages)),
      ]);
      const taken = now() - from;
      for (const connection of [...writers, ...readers]) connection.close();
      return taken / (messages * count) / 1_000;
    },
    messages < 10
      ? { atLeast: 2, warmUps: 1 }
      : { warmUps: Math.max(3, Math.ceil(8_000 / (messages * count))) },
  );
}

/** How many messages a stream gets is little where the reference server takes long: some ms for each and each reader. */
const LOADS = [
  ['memory', 1, 800, 2],
  ['memory', 1, 4_000, 2],
  ['memory', 100, 200, 3],
  ['memory', 1_000, 48, 3],
  ['disk', 1_000, 8, 60],
];

export default {
  params: LOADS.map(([store, readers, messages, least]) => ({ store, readers, messages, least })),
  peers: ['ours', 'reference'],
  unit: 'µs',
  run: (peer, param) =>
    inFolder((path) =>
      withServer(peer, param.store === 'disk' ? path : undefined, (server) => measure(server, param)),
    ),
  rows: ({ store, readers, messages, least }) => {
    const whom = readers === 1 ? 'a reader' : `each of ${readers.toLocaleString('en')} readers`;
    const which = messages < 800 ? 'each message' : `each of ${messages.toLocaleString('en')} messages`;
    return [
      {
        label: `${which} to ${whom} of server-sent events, ${store}`,
        ours: 'ours',
        targets: [{ of: 'reference', least }],
      },
    ];
  },
};
