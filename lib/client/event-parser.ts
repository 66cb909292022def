/** What an event is made of, as far as the protocol uses it. */
interface Event {
  readonly type: string;
  readonly data: string;
}

/**
 * Finds the events in an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html), in whatever
 * pieces it comes. Of their fields it knows `event` and `data`. Smaller by a kilobyte than a whole parser, which the
 * specs compare it with.
 */
export class EventParser {
  /** What has come of a line. Longer and longer, and only read once its end has come. */
  #rest = '';
  #type = '';
  #data: string | undefined;
  #endsInReturn = false;

  constructor(private readonly onEvent: (event: Event) => void) {}

  /** How much is kept. */
  get length(): number {
    return this.#rest.length + (this.#data?.length ?? 0);
  }

  feed(text: string): void {
    if (text === '') return;
    // The two of a line end may come apart.
    const more = this.#endsInReturn && text.startsWith('\n') ? text.slice(1) : text;
    this.#endsInReturn = text.endsWith('\r');
    const lines = more.split(more.includes('\r') ? /\r\n|\r|\n/ : '\n');
    lines[0] = this.#rest + (lines[0] as string);
    this.#rest = lines.pop() as string;
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    if (line === '') {
      const data = this.#data;
      const type = this.#type;
      this.#type = '';
      this.#data = undefined;
      if (data !== undefined) this.onEvent({ type, data });
      return;
    }
    const [name, value] = fieldOf(line);
    if (name === 'event') this.#type = value;
    else if (name === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
  }
}

/** The name and the value of a field; a comment has no name. */
function fieldOf(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  return [line.slice(0, colon), line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))];
}
