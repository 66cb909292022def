/** Which mark wins where several fall into one column, from the weakest. */
const MARKS = ' -o^@!|';
const WIDTH = 76;

/** A line of marbles: a column is a stretch of time. */
export class MarbleRow {
  readonly #name: string;
  readonly #column: () => number;
  #cells = '';
  /** What a stretch without a mark looks like now. */
  #filler = ' ';

  constructor(name: string, column: () => number) {
    this.#name = name;
    this.#column = column;
  }

  /** Puts a mark at the present column. */
  mark(mark: string): void {
    const column = this.#column();
    const present = this.#cells[column] ?? ' ';
    const stronger = MARKS.indexOf(mark) > MARKS.indexOf(present) ? mark : present;
    this.#cells = this.#upTo(column) + stronger;
    this.#filler = '!|'.includes(mark) ? ' ' : '-';
  }

  /** The line as it is now. */
  toString(): string {
    return `  ${this.#name.padEnd(9)} ${this.#upTo(this.#column() + 1)}`;
  }

  #upTo(column: number): string {
    return this.#cells.slice(0, column).padEnd(column, this.#filler);
  }
}

/** Rows of marbles that share one time axis; drawn live on a terminal, and once elsewhere. */
export class MarbleScreen {
  readonly #rows: MarbleRow[] = [];
  readonly #started = Date.now();
  readonly #duration: number;
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;

  constructor(durationMs: number) {
    this.#duration = durationMs;
  }

  row(name: string): MarbleRow {
    const row = new MarbleRow(name, () => {
      const share = (Date.now() - this.#started) / this.#duration;
      return Math.min(WIDTH - 1, Math.floor(share * WIDTH));
    });
    this.#rows.push(row);
    return row;
  }

  start(): void {
    if (process.stdout.isTTY) this.#timer = setInterval(() => this.#draw(), 50);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  #draw(): void {
    const backUp = this.#drawn ? `\u001B[${this.#rows.length}A` : '\n';
    process.stdout.write(backUp + this.#rows.map((row) => `${row.toString()}\n`).join(''));
    this.#drawn = true;
  }
}
