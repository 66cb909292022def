/**
 * The reference server of the Durable Streams protocol, as its package has it: `node reference-server.mjs [directory]`.
 * Without one, streams are in memory. Prints its address once it serves.
 */
import { DurableStreamTestServer } from '@durable-streams/server';

const [dataDir] = process.argv.slice(2);
console.log(`ready ${await new DurableStreamTestServer({ port: 0, dataDir }).start()}`);
