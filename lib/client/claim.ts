import { ended, notFound, printed, StreamError } from '../errors.js';
import type { Offset } from '../offset.js';
import { Failure } from './failure.js';
import type { Answer, Sender } from './sender.js';

/**
 * Makes a stream one's own: creates it, or (`resume`) sees that it is there and open. Gives its tail. Rejects with
 * `ALREADY_EXISTS`, `NOT_FOUND`, `FAILED_PRECONDITION`, or the failure of the request.
 */
export async function claim(
  sender: Sender,
  id: string,
  resume: boolean,
  creation: Readonly<Record<string, string>>,
): Promise<Offset> {
  const answer = resume ? await found(sender, id) : await created(sender, id, creation);
  const { headers } = answer.response;
  if (headers.get('stream-closed')?.toLowerCase() === 'true') throw ended(id);
  return headers.get('stream-next-offset') ?? '';
}

async function found(sender: Sender, id: string): Promise<Answer> {
  try {
    return await sender.ask({ method: 'HEAD' });
  } catch (error) {
    throw statusOf(error) === 404 || statusOf(error) === 410 ? notFound(id) : error;
  }
}

async function created(
  sender: Sender,
  id: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await sender.ask({ method: 'PUT', headers });
  } catch (error) {
    throw statusOf(error) === 409 ? taken(id) : error;
  }
  if (answer.response.status === 201) return answer;
  // It is there and as wanted: it was made by an earlier try, whose answer was lost, or by somebody else.
  if (!answer.retried || !(await isEmpty(sender))) throw taken(id);
  return answer;
}

async function isEmpty(sender: Sender): Promise<boolean> {
  const { text } = await sender.ask({ query: { offset: '-1' }, fresh: true });
  return text === '' || text === '[]';
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof Failure ? error.response?.status : undefined;

const taken = (id: string): StreamError =>
  new StreamError('ALREADY_EXISTS', `There is a stream ${printed(id)} already.`);
