import {
  convertToModelMessages,
  DefaultChatTransport,
  generateId,
  streamText,
  UI_MESSAGE_STREAM_HEADERS,
  type UIMessage,
} from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import type { StreamManager } from 'rxjs-durable-streams';
import { createResumableStreamContext } from 'rxjs-durable-streams/ai';

type ModelPart =
  Awaited<ReturnType<MockLanguageModelV3['doStream']>>['stream'] extends ReadableStream<infer P> ? P : never;

/** A model that says something, and waits wherever there is a promise; a rejected one is its failure. */
export function modelSaying(...parts: readonly (string | Promise<void>)[]): MockLanguageModelV3 {
  return new MockLanguageModelV3({
    doStream: ({ abortSignal }) => {
      async function* say(): AsyncGenerator<ModelPart> {
        yield { type: 'text-start', id: '1' };
        for (const part of parts) {
          if (typeof part === 'string') yield { type: 'text-delta', id: '1', delta: part };
          else await part;
          abortSignal?.throwIfAborted();
        }
        yield { type: 'text-end', id: '1' };
      }
      const said = say();
      return Promise.resolve({
        stream: new ReadableStream<ModelPart>({
          async pull(controller) {
            const next = await said.next();
            if (next.done === true) controller.close();
            else controller.enqueue(next.value);
          },
        }),
      });
    },
  });
}

/** A chat of the AI SDK, as in docs/recipes/ai-sdk.md: its server's handlers, and its client over them. */
export function chatApp(streams: StreamManager, model: MockLanguageModelV3) {
  const context = createResumableStreamContext({ streams, keyPrefix: 'chat', wait: 2_000 });
  let activeStreamId: string | undefined;

  async function send(request: Request): Promise<Response> {
    const { messages } = (await request.json()) as { messages: UIMessage[] };
    const stopping = new AbortController();
    const result = streamText({
      model,
      messages: await convertToModelMessages(messages),
      abortSignal: stopping.signal,
      // Told by the stream too.
      onError: () => undefined,
    });
    return result.toUIMessageStreamResponse({
      originalMessages: messages,
      generateMessageId: generateId,
      async consumeSseStream({ stream }) {
        activeStreamId = generateId();
        await context.createNewResumableStream(activeStreamId, (signal) => {
          signal.addEventListener('abort', () => {
            stopping.abort();
          });
          return stream;
        });
      },
    });
  }

  async function resume(): Promise<Response> {
    const stream =
      activeStreamId === undefined ? undefined : await context.resumeExistingStream(activeStreamId);
    if (!stream) return new Response(null, { status: 204 });
    return new Response(stream.pipeThrough(new TextEncoderStream()) as BodyInit, {
      headers: UI_MESSAGE_STREAM_HEADERS,
    });
  }

  const transport = new DefaultChatTransport({
    api: 'http://localhost/api/chat',
    fetch: (url, init) => (init?.method === 'POST' ? send(new Request(url, init)) : resume()),
  });
  return {
    send: () =>
      transport.sendMessages({
        trigger: 'submit-message',
        chatId: 'chat-1',
        messageId: undefined,
        messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'And then?' }] }],
        abortSignal: undefined,
      }),
    reconnect: () => transport.reconnectToStream({ chatId: 'chat-1' }),
    stop: async () => {
      if (activeStreamId !== undefined) await streams.stop(`chat:${activeStreamId}`, { grace: 5_000 });
    },
  };
}
