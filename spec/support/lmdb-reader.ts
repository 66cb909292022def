/* A process that reads a stream of an LMDB store, from after an offset, and tells each event by a message. */
import { DurableStreamManager } from '../../lib/durable-manager.js';
import { lmdbEngine } from '../../lib/engines/lmdb.js';

const [, , path = '', id = '', after] = process.argv;
const streams = new DurableStreamManager(lmdbEngine({ path }));

streams
  .subscribe<string, string>(id, { after, wait: after === undefined ? Infinity : 0 })
  .events()
  .subscribe((event) => {
    process.send?.(event);
  });

// It is not the watch that keeps a process alive.
process.on('message', () => undefined);
