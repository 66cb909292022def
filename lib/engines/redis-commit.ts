import { StreamError } from '../errors.js';
import { encodeEntry, encodeParts } from '../log/frame.js';
import { encodeHead, type Head } from '../log/head.js';
import { bufferOn } from './buffer-on.js';
import type { Commit, CommitResult, Parts, Version } from './engine.js';
import { hintOfCommit } from './hint.js';
import type { Call } from './redis-connection.js';
import type { RedisKeys } from './redis-keys.js';
import { type Argument, hintText, loadedFrom, numberText, type Reply } from './redis-records.js';
import { APPEND, COMMIT } from './redis-scripts.js';

/** The most that one chunk, and the chunks of one commit, may have. */
export const MAX_BYTES = 16 * 2 ** 20;

/** How long, in ms, after a stream is over by all clocks, its keys expire by themselves if nobody has removed it. */
const EXPIRES_AFTER = 3_600_000;

/** The last moment that there is. */
const MAX_DATE = 8.64e15;

/** A commit that the engine takes. */
export interface Prepared {
  /** Its place among those that were given together. */
  readonly place: number;
  readonly commit: Commit;
  /** That of the life that it is to, or, if it begins one, is to have. */
  readonly generation: number;
}

/** What calls are made with. */
interface Context {
  readonly keys: RedisKeys;
  /** What messages begin with. */
  readonly name: string;
}

/** Why the engine does not take a commit, if it does not. */
export function refusalOf({ entries }: Commit): StreamError | undefined {
  let bytes = 0;
  for (const entry of entries) bytes += entry.bytes;
  if (bytes <= MAX_BYTES) return undefined;
  const message = `A commit has ${bytes} bytes, but the Redis engine takes at most ${MAX_BYTES}.`;
  return new StreamError('RESOURCE_EXHAUSTED', message);
}

/** Whether a commit changes a log and a head, and nothing else. */
export function appendsOnly({ expected, head, usedAt, dueAt, parts }: Commit): boolean {
  return (
    expected !== undefined &&
    head !== undefined &&
    usedAt === undefined &&
    dueAt === undefined &&
    head.facts.deleted !== true &&
    isEmpty(parts)
  );
}

/** The call of the script that appends. */
export function appendCall(prepared: readonly Prepared[], { keys, name }: Context): Call {
  const names: string[] = [];
  const args: Argument[] = [];
  for (const each of prepared) {
    const { stream, log, channel } = keys.of(each.commit.id);
    names.push(stream, log);
    const frames = framesOf(each.commit);
    addShared(args, each, channel, name, frames);
    addEntries(args, each.commit, frames);
  }
  return { script: APPEND, keys: names, args };
}

/** The call of the script that stores any commit, for streams of a shard. */
export function commitCall(prepared: readonly Prepared[], shard: number, { keys, name }: Context): Call {
  const names = [keys.ids(shard), keys.deadlines(shard), keys.greatest(shard)];
  const args: Argument[] = [];
  for (const each of prepared) {
    const { id, expected, head, usedAt, dueAt, parts } = each.commit;
    const { stream, parts: partsKey, log, channel } = keys.of(id);
    names.push(stream, partsKey, log);
    const frames = framesOf(each.commit);
    addShared(args, each, channel, name, frames);
    args.push(
      id,
      usedAt === undefined ? '' : numberText(usedAt),
      each.generation,
      dueAt === undefined ? '' : numberText(dueAt),
      expiryOf(each.commit),
      head?.facts.deleted === true ? '0' : expected === undefined ? '1' : '',
    );
    addParts(args, parts);
    addEntries(args, each.commit, frames);
  }
  return { script: COMMIT, keys: names, args };
}

/** Whether a commit is stored. */
export const isStored = (reply: Reply): boolean => typeof reply === 'number';

/** What became of a commit. */
export function resultFrom(reply: Reply, generation: number): CommitResult {
  if (isStored(reply)) return { type: 'stored', generation };
  return { type: 'conflict', current: loadedFrom(reply as Reply[]) };
}

/** The greatest generation of all, if the one that a commit was given is not greater. */
export const greatestFrom = (reply: Reply): number =>
  Array.isArray(reply) && reply.length === 1 ? Number(String(reply[0])) : 0;

/** Adds what both scripts are told first. */
function addShared(
  args: Argument[],
  prepared: Prepared,
  channel: string,
  name: string,
  frames: readonly Buffer[],
): void {
  const { expected, head } = prepared.commit;
  const told = hintText(
    hintOfCommit(prepared.commit, prepared.generation),
    frames.map(({ length }) => length),
  );
  args.push(
    channel,
    expected === undefined ? '' : versionText(expected, expected.generation),
    head === undefined ? '' : versionText(head, prepared.generation),
    head === undefined ? '' : encodeHead(head),
    name + told,
  );
}

const framesOf = ({ entries }: Commit): Buffer[] => entries.map((entry) => bufferOn(encodeEntry(entry)));

function addParts(args: Argument[], parts: Parts | undefined): void {
  const encoded = encodeParts(parts);
  args.push(encoded.length);
  for (const { name, bytes } of encoded) {
    if (bytes === undefined) args.push(`-${name}`, '');
    else args.push(`+${name}`, bufferOn(bytes));
  }
}

function addEntries(args: Argument[], { entries }: Commit, frames: readonly Buffer[]): void {
  args.push(entries.length);
  for (const [i, { position, chunks, bytes }] of entries.entries()) {
    args.push(`${position + chunks.length}-${chunks.length}`, bytes, frames[i] as Buffer);
  }
}

const versionText = ({ n, tag }: Version | Head, generation: number): string => `${generation} ${n} ${tag}`;

/** When the keys of a stream may go by themselves; empty where that stays as it is. */
function expiryOf({ head, dueAt }: Commit): string {
  // Appending alone changes nothing of it.
  if (head === undefined || dueAt === undefined) return '';
  const { references, deleted, endedAt = Infinity, lifetime } = head.facts;
  const over = Math.min(lifetime.expiresAt, endedAt + lifetime.ttl);
  if (over > MAX_DATE || deleted === true || references > 0) return 'inf';
  // The clock of whoever uses streams need not be that of the server: in a test it is not.
  return String(Math.ceil(Math.max(over, Date.now())) + EXPIRES_AFTER);
}

function isEmpty(parts: object | undefined): boolean {
  for (const name in parts) if (name !== '') return false;
  return true;
}
