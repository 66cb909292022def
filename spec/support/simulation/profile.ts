import type { Lifetime } from '../../../lib/log/head.js';
import type { Random } from './random.js';

/** What a seed is about: which faults there are, and how often, and what is done. Few things at once are found sooner. */
export interface Profile {
  readonly processes: number;
  readonly actions: number;
  /** The longest time between two actions, in ms. */
  readonly pace: number;
  /** The longest way to the engine, or back, in ms. */
  readonly latency: number;
  readonly skew: number;
  readonly lossyHints: boolean;
  readonly staleReads: boolean;
  readonly maxCommitBytes: number;
  /** How likely a call fails before, or after, it has done its work. */
  readonly failing: number;
  /** How likely a failed call is carried out all the same, later. */
  readonly late: number;
  readonly conflicts: number;
  /** Whether the engine says when it is the turn of a commit. */
  readonly ready: boolean;
  readonly refusals: number;
  readonly crashes: boolean;
  readonly outages: boolean;
  readonly losses: boolean;
  readonly forks: boolean;
  readonly takeovers: boolean;
  readonly stops: boolean;
  readonly removals: boolean;
  readonly producers: boolean;
  readonly writers: boolean;
  readonly maxChunks: number;
  readonly lifetime: Lifetime;
}

export function profileOf(random: Random, seed: number): Profile {
  const sometimes = (probability: number): boolean => random.chance(probability);
  // Where hints can be lost, tails are polled, and the poll would hide a wake that was missed.
  const lossyHints = sometimes(0.6);
  const forks = sometimes(0.25);
  const refusals = random.pick([0, 0, 0, 0.03]);
  return {
    processes: 1 + random.below(3),
    actions: 12 + random.below(24),
    pace: random.pick([3, 20, 200, 2_000]),
    latency: random.pick([0, 2, 5, 30]),
    // A source waits for a fork as long as a clock says that is ahead.
    skew: forks ? 2_000 : random.pick([0, 0, 1_000, 3_600_000]),
    lossyHints,
    staleReads: sometimes(0.35),
    maxCommitBytes: random.pick([12, Infinity, Infinity]),
    failing: random.pick([0, 0.02, 0.1, 0.25]),
    // What an engine refuses after that might be stored all the same.
    late: refusals > 0 ? 0 : random.pick([0, 0.2]),
    conflicts: random.pick([0, 0, 0.1]),
    // Drawn by nobody, so that the other seeds stay as they were: what is broken seldom is found by few of them.
    ready: seed % 6 === 2,
    refusals,
    crashes: sometimes(0.5),
    outages: sometimes(0.15),
    losses: sometimes(0.2),
    forks,
    takeovers: sometimes(0.5),
    stops: sometimes(0.3),
    removals: sometimes(0.4),
    producers: sometimes(0.5),
    writers: sometimes(0.4),
    maxChunks: sometimes(0.05) ? 6 : Infinity,
    lifetime: {
      ttl: random.pick([Infinity, Infinity, 1_000, 20_000]),
      idleTtl: sometimes(0.15) ? random.pick([20_000, 60_000]) : Infinity,
      expiresAt: Infinity,
      lease: sometimes(0.25) ? random.pick([4_000, 30_000]) : Infinity,
    },
  };
}
