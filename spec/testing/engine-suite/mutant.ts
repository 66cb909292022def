import type { StreamEngine } from '../../../lib/engines/engine.js';

/** A way to get an engine wrong, and the cases that have to find it. */
export interface Mutant {
  readonly does: string;
  readonly mutate: (engine: StreamEngine) => StreamEngine;
  readonly found: readonly string[];
  /** Whether random programs find it, too. */
  readonly fuzzed?: true;
}
