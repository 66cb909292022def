import 'reflect-metadata';

import {
  Controller,
  GoneException,
  Headers,
  Inject,
  type MessageEvent,
  Module,
  NotFoundException,
  Param,
  Sse,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { firstValueFrom, map, type Observable } from 'rxjs';
import type { Offset, StreamError, StreamEvent, StreamManager } from 'rxjs-durable-streams';
import { onTestFinished } from 'vitest';

const STREAMS = Symbol('streams');

function messageOf(event: StreamEvent<string, unknown>): MessageEvent {
  const { offset: id } = event;
  if (event.type === 'chunk') return { id, data: event.chunk };
  return event.type === 'done'
    ? { id, type: 'done', data: '' }
    : { id, type: 'failed', data: event.error.code };
}

/** As in docs/recipes/nestjs.md. */
@Controller('answers')
class Answers {
  constructor(@Inject(STREAMS) private readonly streams: StreamManager) {}

  @Sse(':id')
  async read(
    @Param('id') id: string,
    @Headers('last-event-id') after?: Offset,
  ): Promise<Observable<MessageEvent>> {
    const stream = this.streams.subscribe<string>(id, { after });
    await firstValueFrom(stream.status()).catch((error: unknown) => {
      const { code, message } = error as StreamError;
      throw code === 'NOT_FOUND' ? new NotFoundException(message) : new GoneException(message);
    });
    return stream.events().pipe(map(messageOf));
  }
}

/** Starts a NestJS application that serves the streams of a manager; gives its URL. */
export async function nestApp(streams: StreamManager): Promise<string> {
  @Module({ controllers: [Answers], providers: [{ provide: STREAMS, useValue: streams }] })
  // eslint-disable-next-line @typescript-eslint/no-extraneous-class -- it is what NestJS takes.
  class AppModule {}

  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- it is a class by accident.
  const app = await NestFactory.create(AppModule, { logger: false, forceCloseConnections: true });
  onTestFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}
