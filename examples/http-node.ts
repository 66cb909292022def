// Streams on Node's own server. Try: curl -X PUT localhost:4437/v1/stream/a -H 'content-type: text/plain' -d hello
import { createServer } from 'node:http';
import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { createHandler, toNodeListener } from 'rxjs-durable-streams/http';

export const streams = new InMemoryStreamManager();
const handler = createHandler({ streams });

export const server = createServer(toNodeListener(handler));
server.listen(Number(process.env['PORT'] ?? 4437), '127.0.0.1');

process.once('SIGTERM', () => {
  // Readers are told to come again, elsewhere; what is being written is answered.
  handler.drain();
  server.close(() => {
    streams.close();
  });
});
