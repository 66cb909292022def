// Streams beside other routes of Express.
import express from 'express';
import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { createHandler, toNodeListener } from 'rxjs-durable-streams/http';

export const streams = new InMemoryStreamManager();
const listener = toNodeListener(createHandler({ streams }));

const app = express();
// Before anything that reads bodies: a stream takes its own, of any type. `all`, because `use` cuts the path.
app.all('/v1/stream/*path', (request, response) => {
  listener(request, response);
});
app.use(express.json());
app.post('/echo', (request, response) => {
  response.json(request.body);
});

export const server = app.listen(Number(process.env['PORT'] ?? 4437), '127.0.0.1');
