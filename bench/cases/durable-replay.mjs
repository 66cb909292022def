import { BYTES, folder, openRaw, openStreams, prepare } from '../durable.mjs';
import { now, sampled } from '../sampling.mjs';

const SINGLE = { streams: 64, chunks: 1_600, batch: 1 };
const BATCHES = { streams: 1, chunks: 200_000, batch: 1_000 };

const nameOf = ({ json, batch }) => `replay-${json ? 'json' : 'bytes'}-${batch}`;

/** Reads every stream to its last chunk, one after another; gives ns for each chunk. */
export default {
  params: [
    { ...SINGLE, json: true },
    { ...SINGLE, json: false },
    { ...BATCHES, json: true },
    { ...BATCHES, json: false },
  ],
  peers: ['subscribe', 'raw'],
  unit: 'ns',
  prepare: (param) => prepare(folder(nameOf(param)), param),
  async run(peer, param) {
    const path = folder(nameOf(param));
    const { streams: count, chunks, json } = param;
    const source = peer === 'raw' ? openRaw(path) : await openStreams(path);
    const read = peer === 'raw' ? readRaw : json ? readJson : readBytes;
    return sampled(async () => {
      const from = now();
      for (let stream = 0; stream < count; stream++) await read(source, stream, chunks);
      return (now() - from) / (count * chunks);
    });
  },
  rows: ({ json, batch }) => [
    {
      label: `replay of ${json ? 'JSON' : '`Uint8Array`'}, written ${batch === 1 ? 'one by one' : `${batch.toLocaleString('en')} at a time`}`,
      ours: 'subscribe',
      targets:
        batch === 1 ? [{ of: 'raw', least: 0.8 }] : json ? [{ most: 1_000 }] : [{ of: 'raw', least: 5 }],
    },
  ],
};

function readRaw(db, stream, chunks) {
  let bytes = 0;
  for (const { value } of db.getRange({ start: [stream], end: [stream + 1] })) bytes += value.length;
  if (bytes !== chunks * BYTES) throw new Error(`There are ${bytes} bytes.`);
}

const readJson = (streams, stream, chunks) => readOurs(streams, stream, chunks, ({ text }) => text.length);
const readBytes = (streams, stream, chunks) => readOurs(streams, stream, chunks, ({ length }) => length);

function readOurs(streams, stream, chunks, sizeOf) {
  return new Promise((resolve, reject) => {
    let count = 0;
    let size = 0;
    const subscription = streams.subscribe(`stream-${stream}`).subscribe({
      next(chunk) {
        size += sizeOf(chunk);
        if (++count < chunks) return;
        if (size !== count * sizeOf(chunk)) reject(new Error(`There are ${size} units.`));
        subscription.unsubscribe();
        resolve();
      },
      error: reject,
    });
  });
}
