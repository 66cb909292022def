// Streams beside other routes of Fastify.
import fastify from 'fastify';
import { InMemoryStreamManager } from 'rxjs-durable-streams';
import { createHandler, toNodeListener } from 'rxjs-durable-streams/http';

export const streams = new InMemoryStreamManager();
const listener = toNodeListener(createHandler({ streams }));

const app = fastify();
// In a plugin of their own, where bodies of any type are left unread: a stream takes its own.
await app.register((scope, _options, done) => {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, parsed) => {
    parsed(null);
  });
  scope.all('/v1/stream/*', (request, reply) => {
    reply.hijack();
    listener(request.raw, reply.raw);
  });
  done();
});
app.post('/echo', ({ body }) => body);

await app.listen({ port: Number(process.env['PORT'] ?? 4437), host: '127.0.0.1' });
export const { server } = app;
