// Serves the application, answers questions, and gives the answers to whoever reads them, as durable streams.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import { DurableStreamManager } from 'rxjs-durable-streams';
import { createHandler, toNodeListener } from 'rxjs-durable-streams/http';
import { lmdbEngine } from 'rxjs-durable-streams/lmdb';
import { Answers } from './answers.js';

const { PORT = '4200', DATA = 'data', WORD_MS = '60' } = process.env;
const DAY = 24 * 60 * 60 * 1_000;
const MAX_QUESTION = 500;

// A finished answer stays for a day. One whose server does not come back ends after 30 s, for whoever reads it through
// another server of the same data.
const streams = new DurableStreamManager(lmdbEngine({ path: DATA }), { ttl: DAY, lease: 30_000 });
const answers = new Answers(streams, Number(WORD_MS));

const handler = createHandler({
  streams,
  cors: false,
  // Pages read and stop; only this process writes.
  authorize: ({ operation }) => ['read', 'head', 'stop'].includes(operation),
});

const app = express();
const server = createServer(app).listen(Number(PORT), '127.0.0.1');
// The port comes first, so that a second server ends before it takes the answers of the first.
const resumed = once(server, 'listening').then(() => answers.resume());
app.use(async (_request, _response, next) => {
  await resumed;
  next();
});
const listener = toNodeListener(handler);
app.all('/v1/stream/*path', (request, response) => listener(request, response));
app.post('/api/answers', express.json(), async (request, response) => {
  const { question } = Object(request.body) as { question?: unknown };
  if (typeof question !== 'string' || question.trim() === '' || question.length > MAX_QUESTION) {
    response.status(400).json({ error: `A question is a text of 1 to ${MAX_QUESTION} characters.` });
    return;
  }
  response.status(201).json({ id: await answers.ask(question.trim()) });
});
app.use(express.static(join(import.meta.dirname, '../app')));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // Readers come again, and find the next server, which goes on with what is open.
    handler.drain();
    server.close(() => void streams.close());
  });
}

await resumed;
console.log(`ready http://127.0.0.1:${PORT}`);
