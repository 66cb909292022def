// Streams the project's README, token by token, to four readers who come, leave and dawdle as they please; draws them
// as marbles; and checks that all of them have read the same.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { concatMap, from, interval, map, take } from 'rxjs';
import { InMemoryStreamManager, type Offset, writeTo } from 'rxjs-durable-streams';

import { MarbleRow, MarbleScreen } from './marble-screen.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const tokens = readme.match(/\s*\S+|\s+$/g) ?? [];

const TICK = 25;
const PER_TICK = Math.ceil(tokens.length / 200);
const ticks = Math.ceil(tokens.length / PER_TICK);
const at = (share: number): number => Math.round(ticks * TICK * share);

const screen = new MarbleScreen(ticks * TICK * 1.45);
const streams = new InMemoryStreamManager();

// The producer: a burst of tokens per tick, as language models have it.
const producer = screen.row('producer');
interval(TICK)
  .pipe(
    take(ticks),
    map((tick) => tokens.slice(tick * PER_TICK, (tick + 1) * PER_TICK)),
    concatMap((burst) => from(burst)),
    writeTo<string, number>(streams, 'readme', { output: () => tokens.length }),
  )
  .subscribe({
    next: () => producer.mark('o'),
    complete: () => producer.mark('|'),
  });

const texts = new Map<string, string>();

/** Collects what a reader gets, as text and as marbles. */
function reader(name: string): { row: MarbleRow; read: (token: string, replayed?: boolean) => void } {
  const row = screen.row(name);
  texts.set(name, '');
  return {
    row,
    read: (token, replayed = false) => {
      texts.set(name, `${texts.get(name) ?? ''}${token}`);
      row.mark(replayed ? '@' : 'o');
    },
  };
}

/** Reads events until the stream is done or `ms` are over; gives the last offset it has seen. */
function readEvents(
  { row, read }: ReturnType<typeof reader>,
  after?: Offset,
  ms = Infinity,
): Promise<Offset | undefined> {
  return new Promise((resolve, reject) => {
    let last = after;
    row.mark('^');
    const subscription = streams
      .subscribe<string, number>('readme', { after })
      .events()
      .subscribe({
        next: (event) => {
          last = event.offset;
          if (event.type === 'chunk') read(event.chunk, event.replay);
          else row.mark('|');
        },
        error: reject,
        complete: () => resolve(last),
      });
    if (ms === Infinity) return;
    setTimeout(() => {
      subscription.unsubscribe();
      row.mark('!');
      resolve(last);
    }, ms);
  });
}

const early = reader('early');
const late = reader('late');
const leaver = reader('resuming');
const slow = reader('slow');

screen.start();
await Promise.all([
  readEvents(early),
  sleep(at(0.55)).then(() => readEvents(late)),
  (async () => {
    const seen = await readEvents(leaver, undefined, at(0.3));
    await sleep(at(0.4));
    await readEvents(leaver, seen);
  })(),
  (async () => {
    slow.row.mark('^');
    let pulled = 0;
    for await (const token of streams.subscribe<string, number>('readme')) {
      slow.read(token);
      if (++pulled % PER_TICK === 0) await sleep(TICK * 1.3);
    }
    slow.row.mark('|');
  })(),
]);
screen.stop();
streams.close();

console.log('\n  ^ subscribes   @ replayed   o live   ! leaves   | done\n');
let equal = true;
for (const [name, text] of texts) {
  const same = text === readme;
  equal &&= same;
  console.log(
    `  ${same ? '✓' : '✗'} ${name.padEnd(9)} ${text.length} characters${same ? '' : `, not the README's ${readme.length}`}`,
  );
}
console.log(equal ? '\n  All four have read the same text.\n' : '\n  They have not read the same text.\n');
process.exitCode = equal ? 0 : 1;
