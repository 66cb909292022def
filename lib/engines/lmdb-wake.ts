import { closeSync, constants, type FSWatcher, openSync, watch, writeSync } from 'node:fs';

/** How often, in ms, it is looked for changes that no event told of: not all file systems tell all of them. */
const LOOK_EVERY = 1000;

const BYTE = Buffer.from('\n');

/**
 * The file by which processes wake each other. It says only that something changed; what it was is in the data. It is
 * watched only while somebody wants to know, and never keeps a process alive.
 */
export class WakeFile {
  #descriptor: number | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  /** @param onWake called, once per turn of the event loop at most, when something may have changed. */
  constructor(
    private readonly file: string,
    private readonly onWake: () => void,
  ) {}

  /** Wakes all who watch the file. */
  signal(): void {
    try {
      this.#descriptor ??= openSync(this.file, constants.O_RDWR | constants.O_CREAT);
      writeSync(this.#descriptor, BYTE, 0, 1, 0);
    } catch {
      // What should have woken them is stored, and they look for it by themselves.
    }
  }

  /** Watches from now on. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => {
      // Again, if the file was replaced.
      this.#watcher ??= this.#watch();
      this.onWake();
    }, LOOK_EVERY).unref();
    this.#watcher = this.#watch();
  }

  /** Watches no more. */
  stop(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#immediate);
    this.#watcher?.close();
    this.#timer = this.#immediate = this.#watcher = undefined;
  }

  /** Stops, and closes the file. */
  close(): void {
    this.stop();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** The watcher; `undefined` where there can be none now (too many are there already), so that only the timer looks. */
  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(this.file, { persistent: false }, (event) => {
        if (event === 'rename') this.#lose(watcher);
        this.#wake();
      });
      return watcher.on('error', () => {
        this.#lose(watcher);
      });
    } catch {
      return undefined;
    }
  }

  #lose(watcher: FSWatcher): void {
    watcher.close();
    if (this.#watcher === watcher) this.#watcher = undefined;
  }

  /** One look serves all events of a turn. */
  #wake(): void {
    if (this.#timer === undefined) return;
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.onWake();
    });
  }
}
