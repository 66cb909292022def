import type { Commit, Loaded } from '../../engines/engine.js';
import { utf8Length } from '../../log/bytes.js';
import { encodeHead } from '../../log/head.js';
import { chain } from '../deferred.js';
import { check, same } from './assert.js';
import type { Cases } from './cases.js';
import { inWorld, type Process, type World } from './process.js';
import type { Detour } from './reach.js';

/** By how many bytes an append may differ from another for the digits of the numbers in it. */
const DIGITS = 64;
/** How many appends are measured. */
const MEASURED = 20;
const FEW = 10;

/** The way to an engine on which is counted what appends send and are given. */
class Scales implements Detour {
  /** The bytes of heads, parts and entries that were committed, and of heads and parts that were loaded. */
  bytes = 0;
  /** How many parts were committed, asked for, or given. */
  parts = 0;

  constructor(private readonly world: World) {}

  readonly commit: NonNullable<Detour['commit']> = (commits) => {
    for (const commit of commits) this.#committed(commit);
    return this.world.store.engine.commit(commits);
  };

  readonly load: NonNullable<Detour['load']> = (requests) => {
    for (const { parts = [] } of requests) this.parts += parts.length;
    return chain(this.world.store.engine.load(requests), (all) => {
      for (const loaded of all) if (loaded !== undefined) this.#weigh(loaded);
      return all;
    });
  };

  #committed({ head, parts, entries }: Commit): void {
    if (head !== undefined) this.#weigh({ head, parts: parts ?? {} });
    for (const { bytes } of entries) this.bytes += bytes;
  }

  #weigh({ head, parts }: Pick<Loaded, 'head' | 'parts'>): void {
    this.bytes += utf8Length(encodeHead(head)) + utf8Length(JSON.stringify(parts));
    this.parts += Object.keys(parts).length;
  }
}

/** A stream that many write, each under a name of its own. */
async function crowd(process: Process, id: string, producers: number): Promise<void> {
  await process.begin(id);
  const written = Array.from({ length: producers }, (_, i) => append(process, id, i, 0));
  await Promise.all(written);
}

const append = (process: Process, id: string, producer: number, seq: number): ReturnType<Process['append']> =>
  // All names are as long.
  process.append(id, { type: 'producer', id: `producer-${100_000 + producer}`, epoch: 0, seq }, ['x']);

/** The most bytes, and parts, that one of some appends takes, of producers here and there. */
async function heaviest(
  world: World,
  id: string,
  producers: number,
): Promise<{ readonly bytes: number; readonly parts: number }> {
  let [bytes, parts] = [0, 0];
  const scales = new Scales(world);
  // Who has written nothing yet has to look first.
  const process = world.process(scales);
  for (let i = 0; i < MEASURED; i++) {
    [scales.bytes, scales.parts] = [0, 0];
    const producer = Math.floor(((i % FEW) * producers) / FEW);
    await append(process, id, producer, 1 + Math.floor(i / FEW));
    [bytes, parts] = [Math.max(bytes, scales.bytes), Math.max(parts, scales.parts)];
  }
  return { bytes, parts };
}

/** What many producers of one stream cost each of them. */
export function crowdCases(cases: Cases): void {
  const { maxParts = 10_000 } = cases.subject;
  for (const many of new Set([100, 10_000].map((most) => Math.min(most, maxParts)))) appends(cases, many);
}

function appends(cases: Cases, many: number): void {
  cases.it(
    `takes no more bytes for an append of one of ${many} producers than of one of ten`,
    inWorld(async (world) => {
      const process = world.process();
      await crowd(process, 'few', FEW);
      await crowd(process, 'many', many);

      const few = await heaviest(world, 'few', FEW);
      const all = await heaviest(world, 'many', many);

      check(few.bytes > 0 && few.parts > 0, 'appends were measured');
      check(
        all.bytes <= few.bytes + DIGITS,
        `an append takes ${few.bytes} bytes with ten producers, and about as many, not ${all.bytes}, with all`,
      );
      same(all.parts, few.parts, 'How many parts an append takes');
      same((await process.manager.head('many')).chunks, many + MEASURED, 'How many chunks there are');
    }),
  );
}
