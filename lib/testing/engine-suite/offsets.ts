import type { Writer } from '../../log/command.js';
import type { Offset } from '../../offset.js';
import { START } from '../../offset.js';
import { check, same } from './assert.js';
import type { Cases } from './cases.js';
import { inWorld, offsetIn, type Process, type World } from './process.js';

type Input = Awaited<ReturnType<Process['begin']>>['input'];

/** Offsets in the order of their stream sort as strings do. */
function sorted(offsets: readonly Offset[], what: string): void {
  for (const [i, offset] of offsets.entries()) {
    check(i === 0 || (offsets[i - 1] as Offset) < offset, `${what} sort: ${offsets.join(', ')}`);
  }
}

/** What offsets promise: they stay, they sort, and they name one place in one life. */
export function offsetCases(cases: Cases): void {
  endCases(cases);
  forkCases(cases);
}

/** Ends without a chunk. */
function endCases(cases: Cases): void {
  for (const chunks of [[], ['a', 'b']]) {
    const which = chunks.length === 0 ? 'an empty stream' : 'a stream with chunks';

    /** Ends the stream, and looks whether anything has moved. */
    const staysAt = (
      title: string,
      /** Gives the offset that it is told, if it is told one. */
      end: (process: Process, input: Input) => Promise<Offset | undefined>,
    ): void => {
      cases.it(
        `${title} leaves the tail of ${which} where it was`,
        inWorld(async (world) => {
          // An end must not change the tag either, where there are tags.
          for (const tagged of new Set([cases.features.tagged, true])) {
            const process = world.process({ features: { tagged } });
            const id = tagged ? 'tagged' : 's';
            const { input, offsets } = await process.begin(id, chunks);
            input.failed.subscribe();
            const before = await process.manager.head(id);
            same(before.tail, offsets.at(-1) ?? before.tail, 'The tail before');

            const given = await end(process, input);

            if (given !== undefined) same(given, before.tail, 'The offset given');
            const after = await process.manager.head(id);
            check(after.status !== 'open', 'the stream has ended');
            same([after.tail, after.chunks], [before.tail, before.chunks], 'The tail and the chunks after');
            const all = await process.read(id).ends('complete');
            same(all.chunks, chunks, 'The chunks');
            same(all.offsets, [...offsets, before.tail], 'The offsets of all that is read');
            const rest = await process.read(id, { after: before.tail }).ends('complete');
            same(rest.offsets, [before.tail], 'The offsets of what is read after the tail');
          }
        }),
      );
    };

    staysAt('completing', async (_, input) => {
      input.complete({ sum: 1 });
      await input.flush();
      return input.tail;
    });
    staysAt('failing', async (_, input) => {
      input.error(new Error('enough'));
      await input.flush();
      return input.tail;
    });
    staysAt('stopping', async (process, { id }) => {
      await process.manager.stop(id);
      return undefined;
    });
    const writers: Readonly<Record<string, Writer>> = {
      'a named producer': { type: 'producer', id: 'p', epoch: 0, seq: 0 },
      'a process without a name': { type: 'process', id: 'w', seq: 1, slot: undefined },
    };
    for (const [who, writer] of Object.entries(writers)) {
      staysAt(`the end that ${who} commits`, async (process, { id }) =>
        offsetIn(await process.append(id, writer, [], { type: 'done' })),
      );
    }
  }
}

/** A stream that begins with another's chunks. */
function forkCases(cases: Cases): void {
  const rest = (chunks: readonly string[], after: number): readonly string[] => chunks.slice(after);

  /** Forks a source in its midst into an id, and looks at every offset of the fork. */
  async function forked(
    world: World,
    source: Offset[],
    { from, to, at }: { from: string; to: string; at: number },
    inherited: readonly string[],
  ): Promise<Offset[]> {
    const process = world.process();
    await process.fork(from, to, source[at - 1] ?? START);
    const own = await process.begin(to, [`${to} 1`, `${to} 2`], { resume: true });
    own.input.complete();
    await own.input.flush();
    const chunks = [...inherited.slice(0, at), `${to} 1`, `${to} 2`];

    const other = world.process();
    const all = await other.read(to).ends('complete');

    same(all.chunks, chunks, `The chunks of ${to}`);
    const offsets = all.offsets.slice(0, -1);
    same(offsets.slice(0, at), source.slice(0, at), 'The offsets of what it has of its source');
    same(offsets.slice(at), own.offsets, 'The offsets of its own chunks, as they were acknowledged');
    sorted([START, ...offsets], `the offsets of ${to}`);
    for (const [i, after] of [START, ...offsets].entries()) {
      const { chunks: left } = await other.read(to, { after }).ends('complete');
      same(left, rest(chunks, i), `The chunks of ${to} after ${i}`);
    }
    for (const foreign of source.slice(at)) await other.read(to, { after: foreign }).ends('OUT_OF_RANGE');
    for (const foreign of own.offsets) await other.read(from, { after: foreign }).ends('OUT_OF_RANGE');
    return offsets;
  }

  const SOURCE = ['a', 'b', 'c', 'd'];

  /** A former life of an id: its offsets. */
  async function formerLife(world: World, id: string): Promise<Offset[]> {
    const process = world.process();
    const { input, offsets } = await process.begin(id, ['1', '2', '3', '4', '5', '6']);
    input.failed.subscribe();
    await process.manager.delete(id);
    return offsets;
  }

  async function refuses(world: World, id: string, offsets: readonly Offset[]): Promise<void> {
    const process = world.process();
    for (const after of offsets) {
      const { events } = await process.read(id, { after }).ends('OUT_OF_RANGE');
      same(events, [], `What was given after ${after}`);
    }
  }

  for (const at of [0, 2, SOURCE.length]) {
    const where = `after ${at} of ${SOURCE.length} chunks`;

    cases.it(
      `gives offsets that sort in a fork of a fresh id, ${where}, and takes those of its source up to there`,
      inWorld(async (world) => {
        const { offsets } = await world.process().begin('source', SOURCE);
        await forked(world, offsets, { from: 'source', to: 'fresh', at }, SOURCE);
      }),
    );

    cases.it(
      `refuses the offsets of the life before a fork of a reused id, ${where}, be that older than its source or not`,
      inWorld(async (world) => {
        const older = await formerLife(world, 'reused');
        const { offsets } = await world.process().begin('source', SOURCE);
        const younger = await formerLife(world, 'reused');
        await forked(world, offsets, { from: 'source', to: 'reused', at }, SOURCE);

        await refuses(world, 'reused', [...older, ...younger]);
      }),
    );
  }

  cases.it(
    'refuses in a fork the offsets of the life before that of its source',
    inWorld(async (world) => {
      const former = await formerLife(world, 'source');
      const { offsets } = await world.process().begin('source', SOURCE);
      await forked(world, offsets, { from: 'source', to: 'fork', at: 2 }, SOURCE);

      await refuses(world, 'fork', former);
      await refuses(world, 'source', former);
    }),
  );

  cases.it(
    'gives offsets that sort in a fork of a fork, of reused ids, and takes those of both sources',
    inWorld(async (world) => {
      const former = [...(await formerLife(world, 'second')), ...(await formerLife(world, 'first'))];
      const { offsets } = await world.process().begin('source', SOURCE);
      const first = await forked(world, offsets, { from: 'source', to: 'first', at: 3 }, SOURCE);
      const chunks = [...SOURCE.slice(0, 3), 'first 1', 'first 2'];
      await forked(world, first, { from: 'first', to: 'second', at: 4 }, chunks);
      // Before what the first has of its own.
      await forked(world, first, { from: 'first', to: 'third', at: 1 }, chunks);

      await refuses(world, 'second', [...former, ...offsets.slice(3)]);
    }),
  );
}
