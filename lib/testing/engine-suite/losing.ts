import type { Commit, CommitResult, Hint, StreamEngine } from '../../engines/engine.js';
import { hintOf } from '../../engines/hint.js';
import type { Writer } from '../../log/command.js';
import type { Awaitable } from '../../maybe-promise.js';
import type { Offset } from '../../offset.js';
import { check, eventually, failsWith, same } from './assert.js';
import type { Cases } from './cases.js';
import { inWorld, type Process, type World } from './process.js';
import type { Detour } from './reach.js';
import type { Reading } from './reading.js';

/** Acknowledged entries can be lost wherever this is forced, so commits are tagged. */
const TAGGED = { features: { tagged: true } } as const;

/** Who writes beside the input that owns the stream. */
const stranger = (seq: number): Writer => ({ type: 'producer', id: 'stranger', epoch: 0, seq });

/**
 * The way to an engine on which commits can be lost that were acknowledged: as by a server that fails before it has
 * passed them on to the one that takes its place. Those who watch through it are told of what is lost, too.
 */
class Forgetful implements Detour {
  readonly features = TAGGED.features;
  /** Whether what is committed now will be lost. */
  loses = false;
  /** Whether no hints come through. */
  deaf = false;
  readonly #watchers = new Set<(hint: Hint) => void>();

  constructor(private readonly engine: StreamEngine) {}

  readonly commit = (commits: readonly Commit[]): Awaitable<readonly CommitResult[]> => {
    if (!this.loses) return this.engine.commit(commits);
    return commits.map(({ id, head, expected, entries }) => {
      const generation = expected?.generation ?? 0;
      if (head !== undefined)
        for (const tell of [...this.#watchers]) tell(hintOf(id, generation, head, entries));
      return { type: 'stored', generation };
    });
  };

  readonly watch: StreamEngine['watch'] = (ids, onHint) => {
    const tell = (hint: Hint): void => {
      if (!this.deaf && ids.includes(hint.id)) onHint(hint);
    };
    this.#watchers.add(tell);
    return this.engine.watch(ids, tell);
  };
}

/** A stream with `a`, and with `lost`, which was acknowledged and shown, and is not there any more. */
interface Lost {
  readonly way: Forgetful;
  /** The process that has heard of it: its producer, and a live reader. */
  readonly process: Process;
  readonly input: Awaited<ReturnType<Process['begin']>>['input'];
  readonly reading: Reading;
  /** The offset of what is lost. */
  readonly offset: Offset;
  /** A process that knows nothing of it. */
  readonly other: Process;
}

async function lose(world: World): Promise<Lost> {
  const way = new Forgetful(world.store.engine);
  const process = world.process(way);
  const { input } = await process.begin('s', ['a']);
  const reading = process.read('s');
  await reading.has(1);
  way.loses = true;
  const offset = await input.write('lost');
  await reading.has(2);
  way.loses = false;
  same(reading.chunks, ['a', 'lost'], 'The chunks that a live reader was given');
  return { way, process, input, reading, offset, other: world.process(TAGGED) };
}

/** How far a tail grows again: by how many chunks, in commits of their own. */
const REGROWN = [
  ['to where it was', ['x']],
  ['past where it was', ['x', 'y']],
] as const;

async function regrow(other: Process, chunks: readonly string[]): Promise<void> {
  for (const [seq, chunk] of chunks.entries()) await other.append('s', stranger(seq), [chunk]);
}

/** What becomes of an engine's users when it has lost what it acknowledged. */
export function losingCases(cases: Cases): void {
  const { patience } = cases;

  for (const [where, chunks] of REGROWN) {
    cases.it(
      `tells a live reader that the tail it has read was lost, and has grown again ${where}`,
      inWorld(async (world) => {
        const { reading, other } = await lose(world);

        await regrow(other, chunks);

        await reading.ends('DATA_LOSS');
        same(reading.chunks, ['a', 'lost'], 'The chunks that it was given');
      }),
    );

    cases.it(
      `tells whoever resumes after what was lost, where the tail has grown again ${where}`,
      inWorld(async (world) => {
        const { process, offset, other } = await lose(world);

        await regrow(other, chunks);

        for (const one of [other, process]) {
          const { events } = await one.read('s', { after: offset }).ends('DATA_LOSS');
          same(events, [], 'What it was given');
        }
        const whole = await other.read('s').has(1 + chunks.length);
        same(whole.chunks, ['a', ...chunks], 'The chunks that are stored');
      }),
    );

    cases.it(
      `tells the producer whose chunk was lost, where the tail has grown again ${where}`,
      inWorld(async (world) => {
        const { input, other } = await lose(world);
        let code: string | undefined;
        input.failed.subscribe((error) => (code = error.code));

        await regrow(other, chunks);

        await failsWith('DATA_LOSS', () => input.write('b'), 'writing on');
        await eventually(patience, 'the producer is told', () => code !== undefined);
        same(code, 'DATA_LOSS', 'What it was told');
      }),
    );

    cases.it(
      `keeps what others have stored from a producer that has not heard of a loss, where the tail has grown again ${where}`,
      inWorld(async (world) => {
        const { way, input, other } = await lose(world);
        way.deaf = true;
        await regrow(other, chunks);

        await failsWith('DATA_LOSS', () => input.write('b'), 'writing on');

        const reading = await other.read('s').has(1 + chunks.length);
        same(reading.chunks, ['a', ...chunks], 'The chunks that are stored');
        check(reading.end === undefined, 'the stream can be read');
      }),
    );
  }

  cases.it(
    'tells the readers of what a producer has lost that another has taken over, and the former one',
    inWorld(async (world) => {
      const { process, input, reading, offset, other } = await lose(world);
      let code: string | undefined;
      input.failed.subscribe((error) => (code = error.code));

      const next = await other.begin('s', ['x', 'y'], { resume: true });

      await reading.ends('DATA_LOSS');
      await process.read('s', { after: offset }).ends('DATA_LOSS');
      await other.read('s', { after: offset }).ends('DATA_LOSS');
      await eventually(patience, 'the former producer is told', () => code !== undefined);
      // It was replaced, and what it wrote was lost: it may hear of either first.
      check(code === 'ABORTED' || code === 'DATA_LOSS', `the former producer is not told ${code ?? ''}`);
      next.input.complete();
      await next.input.flush();
      same((await other.read('s').ends('complete')).chunks, ['a', 'x', 'y'], 'The chunks that are stored');
    }),
  );

  cases.it(
    'tells a producer whose chunk was lost, where nobody has written since',
    inWorld(async (world) => {
      const { input, other } = await lose(world);

      await failsWith('DATA_LOSS', () => input.write('b'), 'writing on');

      same((await other.manager.head('s')).chunks, 1, 'How many chunks are stored');
    }),
  );
}
