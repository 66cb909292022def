// Streams beside other routes of Hono, here on Node: elsewhere `app.fetch` is all there is.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { createHandler } from 'rxjs-durable-streams/http';

export const streams = new InMemoryStreamManager();
const handler = createHandler({ streams });

const app = new Hono();
app.all('/v1/stream/*', ({ req }) => handler(req.raw));
app.post('/echo', async (context) => context.json(await context.req.json<unknown>()));

const port = Number(process.env['PORT'] ?? 4437);
export const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' });
