import { jsonAt, ours } from '../durable.mjs';
import { now, sampled } from '../sampling.mjs';

export const WRITES = 40_000;

const onEngine = async (options) => {
  const { DurableStreamManager, memoryEngine } = await ours();
  return () => new DurableStreamManager(memoryEngine(), options);
};

const ofManager = (create) => () => {
  const streams = create();
  return { sink: streams.open('stream'), source: streams.subscribe('stream') };
};

const load = {
  reference: async () => ofManager(await onEngine({ codec: 'none' })),
  json: async () => ofManager(await onEngine({})),
  async manager() {
    const { InMemoryStreamManager } = await ours();
    return ofManager(() => new InMemoryStreamManager());
  },
  async replay() {
    const { ReplaySubject } = await import('rxjs');
    return () => {
      const subject = new ReplaySubject();
      return { sink: subject, source: subject };
    };
  },
};

/** Writes a stream with one live subscriber, over and over; gives a function that does it once and gives ns per write. */
export async function writer(peer) {
  const stream = await load[peer]();
  return () => {
    const { sink, source } = stream();
    let read = 0;
    source.subscribe({ next: ({ text }) => void (read += text.length), error: console.error });
    const from = now();
    for (let i = 0; i < WRITES; i++) sink.next(jsonAt(i));
    const ns = (now() - from) / WRITES;
    if (read !== WRITES * jsonAt(0).text.length) throw new Error(`The subscriber has read ${read}.`);
    return ns;
  };
}

export default {
  peers: ['reference', 'json', 'manager', 'replay'],
  unit: 'ns',
  run: async (peer) => sampled(await writer(peer)),
  rows: () => [
    {
      label: '`next` on the memory engine, 1 subscriber, by reference',
      ours: 'reference',
      targets: [{ most: 250 }],
    },
    {
      label: '`next` on the memory engine, 1 subscriber, as JSON',
      ours: 'json',
      targets: [{ most: 2_000 }],
    },
  ],
};
