import type { Hint } from '../../lib/engines/engine.js';
import type { Author } from './log-process.js';
import { singleProcess } from './log-world.js';

/** Writes each chunk in a commit of its own. */
const writeEach = (author: Author, run: () => void, ...chunks: string[]): void => {
  for (const chunk of chunks) {
    author.write(chunk);
    run();
  }
};

/** A stream that has `a`, with a reader at its edge. */
export function live(
  options: Parameters<typeof singleProcess>[0] = {},
  hint?: (hint: Hint) => readonly Hint[],
  readerOptions = {},
) {
  const { world, engine, process } = singleProcess(options, hint && { hint });
  const author = process.create('s');
  author.write('a');
  world.run(20);
  const reader = process.read('s', readerOptions);
  world.run(20);
  const write = (...chunks: string[]): void => {
    writeEach(author, () => world.run(), ...chunks);
  };
  return { world, engine, process, author, reader, write };
}

export const withoutEntries = (hint: Hint): readonly Hint[] => [{ ...hint, entries: undefined }];
