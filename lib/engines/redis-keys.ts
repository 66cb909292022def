import { crc32 } from 'node:zlib';

/** How many shards a store has. What a shard has is in one slot of a cluster, so that one script can change it. */
export const SHARDS = 16;

/** The names of what a stream has. */
export interface StreamKeys {
  readonly stream: string;
  readonly parts: string;
  readonly log: string;
  /** Where is told what is committed. */
  readonly channel: string;
}

/** The names of keys: all of a shard's have the hash tag of that. */
export class RedisKeys {
  constructor(private readonly prefix: string) {}

  /** The shard of a stream. */
  shardOf(id: string): number {
    return crc32(id) % SHARDS;
  }

  /** The ids of a shard's streams, in order. */
  ids(shard: number): string {
    return this.#key(shard, 'ids');
  }

  /** The index of a shard's deadlines. */
  deadlines(shard: number): string {
    return this.#key(shard, 'due');
  }

  /** The greatest generation in a shard. */
  greatest(shard: number): string {
    return this.#key(shard, 'generation');
  }

  /** The counter that generations are made of. */
  get counter(): string {
    return `${this.prefix}generations`;
  }

  /** What a stream has. */
  of(id: string): StreamKeys {
    const tag = `${this.prefix}{${this.shardOf(id)}}`;
    return {
      stream: `${tag}:s:${id}`,
      parts: `${tag}:p:${id}`,
      log: `${tag}:l:${id}`,
      channel: this.channel(id),
    };
  }

  /** Where is told what is committed to a stream. */
  channel(id: string): string {
    return `${this.prefix}c:${id}`;
  }

  /** The stream that is told of in a channel. */
  idOf(channel: string): string {
    return channel.slice(this.prefix.length + 2);
  }

  #key(shard: number, name: string): string {
    return `${this.prefix}{${shard}}:${name}`;
  }
}
