import type { StreamError } from '../errors.js';
import type { Append } from '../log/command.js';
import { PART, type ProducerState } from '../log/head.js';
import type { Answer } from '../log/group.js';
import { offsetOf } from '../log/segments.js';
import type { Fields } from './answer.js';
import { contentOf, contentTypeOf, kindOf } from './content.js';
import type { Context } from './context.js';
import type { HttpReply, HttpRequest } from './exchange.js';
import { closes, type Producer, producerOf } from './headers.js';
import { sentOutcome } from './outcome.js';
import { malformed, refusal } from './refusal.js';

/** Appends, or closes, or both (sections 5.2 and 5.3). */
export async function append(context: Context, request: HttpRequest, id: string): Promise<HttpReply> {
  const { headers } = request;
  const producer = producerOf(headers);
  const closing = closes(headers);
  const outcome = sentOutcome(headers, closing);
  const sequence = headers.get('stream-seq') ?? undefined;
  const body = await context.body(request);
  if (body.byteLength === 0 && !closing) throw malformed('The body is empty.');
  const contentType = body.byteLength === 0 ? undefined : contentTypeOf(headers);
  if (body.byteLength > 0 && contentType === undefined) throw malformed('Content-Type is missing.');
  const { chunks, bytes } = contentOf(kindOf(contentType ?? ''), body, context.settings.maxChunkBytes);
  if (chunks.length === 0 && !closing) throw malformed('An empty array has nothing to append.');
  const change = { chunks, bytes, outcome, contentType, sequence };
  let answer: Answer;
  try {
    answer =
      producer === undefined
        ? await context.writer.append(id, change)
        : await context.submit(id, { type: 'append', writer: { type: 'producer', ...producer }, ...change });
  } catch (error) {
    throw conflict(error as StreamError, producer);
  }
  const fields: Fields = {};
  if (answer.head !== undefined) {
    fields['stream-next-offset'] = offsetOf(answer.head, answer.position, answer.tag);
    if (answer.head.status !== 'open') fields['stream-closed'] = 'true';
  }
  if (producer !== undefined) {
    fields['producer-epoch'] = String(producer.epoch);
    fields['producer-seq'] = String(answer.duplicate ? await lastSeq(context, id, producer) : producer.seq);
  }
  const isNew = producer !== undefined && !answer.duplicate && chunks.length > 0;
  return { status: isNew ? 200 : 204, headers: fields, body: null };
}

/** The number of the last append of a producer that was stored. */
async function lastSeq(context: Context, id: string, { id: name, epoch, seq }: Producer): Promise<number> {
  const state = (await context.part(id, PART.producer(name))) as ProducerState | undefined;
  return state?.epoch === epoch ? Math.max(state.seq, seq) : seq;
}

/** What a client needs to know of a conflict is in header fields; everything else is as it is anywhere. */
function conflict(error: StreamError, producer: Producer | undefined): Error {
  const { code, message } = error;
  const details = Object(error.details) as Partial<
    Pick<Append, never> & { tail: string; epoch: number; expected: number; received: number }
  >;
  if (code === 'FAILED_PRECONDITION' && details.tail !== undefined) {
    return refusal(409, code, message, { 'stream-closed': 'true', 'stream-next-offset': details.tail });
  }
  if (producer === undefined) return error;
  if (code === 'ABORTED' && details.epoch !== undefined) {
    return refusal(403, code, message, { 'producer-epoch': String(details.epoch) });
  }
  if (code === 'FAILED_PRECONDITION' && details.expected !== undefined) {
    return refusal(409, code, message, {
      'producer-expected-seq': String(details.expected),
      'producer-received-seq': String(details.received),
    });
  }
  return error;
}
