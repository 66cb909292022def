/* A process that writes to an LMDB store until it is killed. What is acknowledged it tells at once, by messages. */
import { DurableStreamManager } from '../../lib/durable-manager.js';
import { lmdbEngine } from '../../lib/engines/lmdb.js';

/** What the process is to do, as JSON in its second argument. */
export interface Task {
  /** The stream that all producers write. */
  readonly stream: string;
  /** The number that each producer goes on with: it may have been stored, and not acknowledged. */
  readonly producers: Readonly<Record<string, number>>;
  /** A stream to be completed with an output of the same name, again and again under other ids. */
  readonly outcomes: string;
}

/** What the process tells. */
export type Told = { readonly producer: string; readonly seq: number } | { readonly ended: string };

const [, , path = '', task = '{}'] = process.argv;
const { stream, producers, outcomes } = JSON.parse(task) as Task;
const manager = new DurableStreamManager(lmdbEngine({ path }));
const { streams } = manager.inside;

const tell = (told: Told): void => {
  process.send?.(told);
};

function produce(producer: string, seq: number): void {
  // Some chunks are long, so that a kill can fall into them.
  const chunk = JSON.stringify(`${producer}:${seq}:${'x'.repeat(seq % 7 === 0 ? 20_000 : 20)}`);
  streams.log.submit({
    id: stream,
    command: {
      type: 'append',
      writer: { type: 'producer', id: producer, epoch: 0, seq },
      chunks: [chunk],
      bytes: chunk.length,
    },
    done: () => {
      tell({ producer, seq });
      produce(producer, seq + 1);
    },
    failed: (error) => {
      throw error;
    },
  });
}

async function end(round: number): Promise<void> {
  const id = `${outcomes}-${round}`;
  const input = manager.open<string, string>(id, { ttl: Infinity });
  for (const chunk of ['a', 'b', 'c']) input.next(chunk);
  input.complete(id);
  await input.flush();
  tell({ ended: id });
  await end(round + 1);
}

for (const [producer, seq] of Object.entries(producers)) produce(producer, seq);
void end(0);
