import type { Life } from './life.js';
import type { Process } from './process.js';
import type { World } from './world.js';
import type { Client } from './readers.js';
import type { Input } from './writers.js';

/** How long after a deadline, in ms, it may still be noticed: whoever sweeps looks once a minute or so, and may fail. */
const NOTICED_WITHIN = 100_000;

/** What there is at the end, long after the last fault. */
export interface Rest {
  readonly world: World;
  readonly clients: readonly Client[];
  readonly inputs: readonly Input[];
  readonly processes: readonly Process[];
  readonly lives: Iterable<Life>;
  /** By how much, in ms, a lost lease may be noticed later than it is looked for. */
  readonly slack: number;
}

/** At rest, everybody has been told everything, and what the clock asks for is done. */
export function checkRest({ world, clients, inputs, processes, lives, slack }: Rest): void {
  for (const client of clients) client.settled();
  for (const input of inputs) input.settled();
  for (const { alive, pending, name } of processes) {
    if (!alive) continue;
    for (const { command } of pending) throw world.broken(`${command.type} in ${name} has no answer`);
  }
  // Wall clocks differ, so nothing is late before it is late by all of them.
  const now = Math.min(
    ...processes.filter(({ alive, closed }) => alive && !closed).map((each) => each.now()),
  );
  for (const life of lives)
    if (life.over > world.now) checkLife(world, life, now - NOTICED_WITHIN, inputs, slack);
}

function checkLife(
  world: World,
  { id, head, cut }: Life,
  until: number,
  inputs: readonly Input[],
  slack: number,
): void {
  const { status, owner, facts } = head;
  const { ttl, lease } = facts.lifetime;
  if (status !== 'open') {
    world.demand((facts.endedAt ?? 0) + ttl > until, () => `${id} has not expired`);
    return;
  }
  world.demand((facts.stop?.at ?? Infinity) > until, () => `${id} was not stopped in time`);
  const isLate = lease + slack < NOTICED_WITHIN;
  const lives = inputs.some(({ author, usable }) => usable && author.key === owner?.nonce);
  world.demand(lives || !isLate || cut, () => `${id} is open, and its producer gone`);
}
