/*
 * Where the messages of a log are. A server finds the last message of a subject at once, but the next one only by
 * looking through blocks of a store that has millions of others. So every message says by sequence where those before it
 * are, from which they can be fetched many at a time, from any replica: what has a sequence never changes.
 *
 * A message can't name thousands, so sixteen are named by one: a chain has levels, and a node of a level above 0 is a
 * message whose own chain has the sixteen nodes of the level below.
 */

/** How many nodes a level has. */
export const FAN = 16;

/** A message with entries; or, on a level above 0, one that knows sixteen nodes. */
export interface ChainNode {
  /** The sequence of the message. */
  readonly seq: number;
  /** The position after its entries, or after those of all that it knows. */
  readonly end: number;
}

/** What precedes a message: level 0 has the newest. */
export type Chain = readonly (readonly ChainNode[])[];

/** The chain of what precedes nothing. */
export const NO_CHAIN: Chain = [];

/** The chain after a message that has the chain before it. */
export function grown(chain: Chain, seq: number, end: number): Chain {
  const levels = [...chain];
  let node = { seq, end };
  for (let level = 0; ; level++) {
    const nodes = levels[level] ?? [];
    if (nodes.length < FAN) {
      levels[level] = [...nodes, node];
      return levels;
    }
    levels[level] = [node];
    // The message has this level, full as it was, in its own chain.
    node = { seq, end: (nodes[FAN - 1] as ChainNode).end };
  }
}
