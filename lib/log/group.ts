import type { Commit, Parts } from '../engines/engine.js';
import { StreamError } from '../errors.js';
import type { Command, Remove, Stop, TakeOver } from './command.js';
import type { Decision, State } from './decision.js';
import { type Head, type Origin, PART } from './head.js';

/** What became of a command that was carried out. */
export interface Answer {
  /** The stream after it; `undefined` if it was removed. */
  readonly head: Head | undefined;
  /** The position after the chunks of the command, or the tail, and the tag there. */
  readonly position: number;
  readonly tag: number;
  /** Whether it had been carried out before. */
  readonly duplicate: boolean;
  /** The slot that a process was given with its append, if it was. */
  readonly slot?: number;
}

/** A command, and who wants to know. Exactly one of the two is called, once. */
export interface Request {
  readonly id: string;
  readonly command: Command;
  done(answer: Answer): void;
  failed(error: StreamError): void;
  /** Called when the command is read for the first time; until then it may grow. */
  taken?(): void;
}

/** A commit, and the requests that it carries out. */
export interface Group {
  readonly requests: readonly Request[];
  readonly decisions: readonly Decision[];
  /** What to store; `undefined` if nothing changes. */
  readonly commit: Commit | undefined;
  /** What the decisions began with. */
  readonly base: State | undefined;
  /** Of a removal, where to say so. */
  readonly origin:
    { readonly origin: Origin; readonly nonce: string; readonly generation: number } | undefined;
}

/** Whether a command could be carried out twice where it is repeated, on what others have made since of the first time. */
export const isHeld = (command: Command): command is TakeOver | Stop | Remove =>
  command.type === 'takeOver' || command.type === 'stop' || command.type === 'remove';

/**
 * The requests of a group of which it is not known whether it was stored, to be tried again. What could be carried out
 * twice is held to the stream that it was decided on.
 */
export function repeated({ requests, decisions, base }: Group): Request[] {
  let owner = base?.head.owner;
  return requests.map((request, i) => {
    const { id, command } = request;
    const decision = decisions[i];
    const replaced = owner;
    if (decision?.type === 'change') ({ owner } = decision.head);
    let again: Command;
    if (command.type === 'takeOver') again = { ...command, replaces: { nonce: replaced?.nonce } };
    else if (isHeld(command)) again = { ...command, generation: command.generation ?? base?.head.generation };
    else return request;
    return {
      id,
      command: again,
      done: (answer) => {
        request.done(answer);
      },
      failed: (error) => {
        request.failed(error);
      },
    };
  });
}

/** What a group answers its requests with, once it is stored. */
export function answerTo(group: Group, index: number, head: Head | undefined): Answer {
  const decision = group.decisions[index] as Decision;
  if (decision.type === 'nothing') return answerAgain(group, index, decision);
  const duplicate = false;
  if (head === undefined || decision.type === 'removal')
    return { head: undefined, position: 0, tag: 0, duplicate };
  if (decision.type !== 'change') throw new StreamError('INTERNAL', 'A refusal has no answer.');
  const { tail } = decision.head;
  return {
    head,
    position: tail,
    tag: tail === decision.position ? tagAt(group, tail, head) : head.tag,
    duplicate,
    ...slotOf(decision.parts),
  };
}

/** The slot of a process whose append has changed these parts. */
function slotOf(parts: Parts | undefined): { readonly slot: number } | undefined {
  for (const name in parts)
    if (name.startsWith(PART.writers)) return { slot: Number(name.slice(PART.writers.length)) };
  return undefined;
}

/** The answer to what was carried out before, with the stream as it was found. */
function answerAgain(
  { requests, base }: Group,
  index: number,
  { duplicate }: Extract<Decision, { type: 'nothing' }>,
): Answer {
  if (base === undefined) return { head: undefined, position: 0, tag: 0, duplicate };
  const { head } = base;
  const { command } = requests[index] as Request;
  // A repeated append of an input is its last one, of which it is known where it ended.
  const isInput = command.type === 'append' && command.writer.type === 'owner';
  const { position, tag } = (isInput ? head.owner : undefined) ?? { position: head.tail, tag: head.tag };
  return { head, position, tag, duplicate };
}

/** The tag at a position where a command appended nothing: that of the commit if others did before it, else as it was. */
function tagAt({ decisions, base }: Group, position: number, head: Head): number {
  const first = decisions.find((decision) => decision.type === 'change');
  const start = first?.type === 'change' ? first.position : position;
  if (position > start) return head.tag;
  return base?.head.tag ?? (first?.type === 'change' ? first.previous : head.tag);
}
