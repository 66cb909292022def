/* A producer in a process of its own: its arguments are an engine, the name of its streams, and the id of one. */
import { DurableStreamManager } from '../../lib/durable-manager.js';
import type { StreamError } from '../../lib/errors.js';
import type { StreamInput } from '../../lib/stream-manager.js';
import { answering } from './answering.js';
import { networked } from './networked-engines.js';

const [engine = '', name = '', id = ''] = process.argv.slice(2);
const streams = new DurableStreamManager(networked(engine).open(name));
let input: StreamInput<string> | undefined;

answering({
  open: async () => {
    input = streams.open<string>(id);
    await input.opened;
  },
  write: (chunk: string) =>
    input?.write(chunk).then(
      () => 'stored',
      (error: unknown) => (error as StreamError).code,
    ),
});
