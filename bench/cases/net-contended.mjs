import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { jsonAt } from '../durable.mjs';
import { ENGINES, inStore, openOn, TITLES } from '../networked.mjs';
import { now } from '../sampling.mjs';

const { Request } = globalThis;
const PROCESSES = 4;
const WRITERS = 16;
const WARM_UP = 20;
const EACH = 100;

/** 16 writers on one stream, without an input of their own, as clients of a server are. */
async function produce(streams, store) {
  const { createHandler } = await import(new URL('http.js', process.env.BENCH_OURS));
  const handler = createHandler({ streams });
  const append = async (i) => {
    const request = new Request('http://localhost/v1/stream/s', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(jsonAt(i)),
    });
    const { status } = await handler(request);
    if (status !== 204) throw new Error(`It was answered with ${status}.`);
  };
  const write = (count) =>
    Promise.all(
      Array.from({ length: WRITERS }, async () => {
        for (let i = 0; i < count; i++) await append(i);
      }),
    );
  await write(WARM_UP);
  console.log('warm');
  await once(process.stdin, 'data');
  await write(EACH);
  console.log(`done on ${store}`);
}

/** Starts a process; gives its next line, and a way to tell it to go on. */
function start(engine, store) {
  const args = ['measure.mjs', 'net-contended', 'producer', JSON.stringify({ engine, store })];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error('A producer has failed.');
      return value;
    },
    go: () => child.stdin.write('\n'),
  };
}

/** So many appends a second are acknowledged, where four processes with 16 writers each append to one stream. */
export default {
  params: ENGINES,
  peers: ['rate'],
  unit: '',
  async run(peer, param) {
    if (peer === 'producer') return produce(await openOn(param.engine, param.store), param.store);
    return inStore(param, async (store) => {
      const streams = await openOn(param, store);
      const { createHandler } = await import(new URL('http.js', process.env.BENCH_OURS));
      const json = { 'content-type': 'application/json' };
      await createHandler({ streams })(
        new Request('http://localhost/v1/stream/s', { method: 'PUT', headers: json }),
      );
      await streams.close();
      const producers = Array.from({ length: PROCESSES }, () => start(param, store));
      for (const { line } of producers) await line();
      const from = now();
      for (const { go } of producers) go();
      await Promise.all(producers.map(({ line }) => line()));
      return (PROCESSES * WRITERS * EACH) / ((now() - from) / 1e9);
    });
  },
  rows: (engine) => [
    {
      label: `${TITLES[engine]}: 4 processes of 16 writers, all on one stream, appends/s`,
      ours: 'rate',
      targets: [],
    },
  ],
};
