/*
 * The names of a store: JetStream streams, and subjects in them.
 *
 *   <prefix>-log-<shard>   <prefix>.log.<shard>.<id>     the commits of a stream, one message each
 *                          <prefix>.hint.<shard>.<id>    the same messages, republished to whoever listens
 *   <prefix>-soft          <prefix>.soft.<id>            what changes without a version: the last message
 *                          <prefix>.generation           a counter: the sequence that the last message was given
 *   <prefix>-due           <prefix>.due.<bucket>.<slot>  ids by when they are due
 */

/** How much time, in ms, a bucket of the index of deadlines has. */
export const BUCKET_MS = 65_536;

/** An id that is longer when it is escaped is encoded as a whole instead. */
const MAX_ESCAPED = 512;
/** What an id that is encoded as a whole begins with. */
const WHOLE = '~';

/** The names of what a prefix has. */
export class NatsKeys {
  readonly soft: string;
  readonly due: string;
  readonly generation: string;
  readonly logs: readonly string[];

  constructor(
    readonly prefix: string,
    shards: number,
  ) {
    this.soft = `${prefix}-soft`;
    this.due = `${prefix}-due`;
    this.generation = `${prefix}.generation`;
    this.logs = Array.from({ length: shards }, (_, shard) => `${prefix}-log-${shard}`);
  }

  /** The stream that has the log of an id. */
  logStream(id: string): string {
    return this.logs[this.#shardOf(id)] as string;
  }

  logSubject(id: string): string {
    return `${this.prefix}.log.${this.#shardOf(id)}.${encodeId(id)}`;
  }

  /** Where the commits of an id are republished. */
  hintSubject(id: string): string {
    return `${this.prefix}.hint.${this.#shardOf(id)}.${encodeId(id)}`;
  }

  softSubject(id: string): string {
    return `${this.prefix}.soft.${encodeId(id)}`;
  }

  dueSubject(bucket: number, slot: number): string {
    return `${this.prefix}.due.${bucket}.${slot}`;
  }

  /** All ids of which a shard has a log. */
  idOfLogSubject(subject: string): string {
    return decodeId(subject.slice(subject.lastIndexOf('.') + 1));
  }

  /** The shard of an id: FNV-1a over its UTF-16 units. */
  #shardOf(id: string): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
    // The low bits of FNV-1a are the worst.
    return ((hash ^ (hash >>> 16)) >>> 0) % this.logs.length;
  }
}

/**
 * An id as a token of a subject: what is not a letter, a digit, `-` or `_` as `=` and two hexadecimal digits per byte of
 * UTF-8. Long ones are `~` and base64url, so that a subject never nears the 4,096 bytes that a line of the protocol may
 * have.
 */
export function encodeId(id: string): string {
  if (PLAIN.test(id)) return id;
  const bytes = Buffer.from(id);
  let text = '';
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += PLAIN.test(char) ? char : `=${byte.toString(16).padStart(2, '0')}`;
    if (text.length > MAX_ESCAPED) return WHOLE + bytes.toString('base64url');
  }
  return text;
}

/** The id that {@link encodeId} made a token of. */
export function decodeId(token: string): string {
  if (token.startsWith(WHOLE)) return Buffer.from(token.slice(1), 'base64url').toString();
  if (!token.includes('=')) return token;
  const binary = token.replace(/=([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(binary, 'latin1').toString();
}

const PLAIN = /^[A-Za-z0-9_-]{1,512}$/;
